"""The settings of links to a PBX: where ARI and AMI are, whom we believe to be them, and who brings rows."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Annotated, Self

from pydantic import AfterValidator, Field, model_validator

from pbx_bridge.config.sections import Port, Section
from pbx_bridge.tls import Trust, pin_of

Pin = Annotated[str, AfterValidator(pin_of)]


class AriSettings(Section):
    """The ARI of the PBX. Unset: the private Asterisk's own. https:// is checked against an issuer, or is pinned."""

    url: str | None = None
    user: str = "pbx_bridge"
    app: str = Field(default="pbx_bridge", pattern=r"^[A-Za-z0-9_]{1,32}$")
    ca_file: Path | None = None  # whose certificates are believed; unset: those that the system knows
    fingerprint: Pin | None = None  # SHA-256 of the only certificate believed, whatever its issuer, name and dates

    @model_validator(mode="after")
    def _counts(self) -> Self:
        if (self.ca_file or self.fingerprint) and not self._has_tls:
            raise ValueError("ca_file and fingerprint count with an ari.url that begins with https://")
        return self

    @property
    def _has_tls(self) -> bool:
        return (self.url or "").startswith("https://")

    def trust(self) -> Trust | None:
        """Whom we believe to be ARI; None: it speaks no TLS."""
        if not self._has_tls:
            return None
        names = Trust(address="ari.url", ca="ari.ca_file", pin="ari.fingerprint")
        return replace(names, ca_file=self.ca_file, fingerprint=self.fingerprint or "")


class AmiSettings(Section):
    """The AMI of the PBX. Unset: the private Asterisk's own. With `tls` it is checked as ARI is."""

    host: str | None = None
    port: Port | None = None
    user: str = "pbx_bridge"
    tls: bool = False  # then the port is that of tlsbindaddr, 5039 as Asterisk has it
    ca_file: Path | None = None  # as of ari
    fingerprint: Pin | None = None  # as of ari

    @model_validator(mode="after")
    def _counts(self) -> Self:
        if (self.ca_file or self.fingerprint) and not self.tls:
            raise ValueError("ca_file and fingerprint count with ami.tls = true")
        if self.tls and not (self.host and self.port):
            raise ValueError("tls: AMI has another port for it (tlsbindaddr in manager.conf): name host and port")
        return self

    def trust(self) -> Trust | None:
        """Whom we believe to be AMI; None: it speaks no TLS."""
        names = Trust(address="ami.host and ami.port", ca="ami.ca_file", pin="ami.fingerprint")
        return replace(names, ca_file=self.ca_file, fingerprint=self.fingerprint or "") if self.tls else None


NodeName = Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{1,32}$")]


class ReceiveSettings(Section):
    """Where `pbx-bridge spool send` of a PBX elsewhere brings its rows. Without `port`: nowhere."""

    host: str = "127.0.0.1"
    port: Port | None = None
    certificate: Path | None = None  # PEM, with what leads to its issuer; read anew when it changes
    key: Path | None = None
    nodes: list[NodeName] = Field(default=[])  # their systemnames; pbx.systemname among them: no spool is read here

    @model_validator(mode="after")
    def _whole(self) -> Self:
        if self.port and not (self.certificate and self.key):
            raise ValueError("certificate and key: rows of calls are received over TLS only")
        if self.nodes and not self.port:
            raise ValueError("port: nodes are named, but nobody listens to them")
        if len(set(self.nodes)) < len(self.nodes):
            raise ValueError("nodes: one is named twice")
        return self
