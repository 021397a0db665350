"""The settings of what is laid over a company's own PBX by `pbx deploy`."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from pbx_bridge.config.sections import NetworkName, Section


class DeploySettings(Section):
    """What `pbx deploy` lays over a PBX that exists; the private Asterisk needs none of it."""

    numbers: list[str] = Field(default=[])  # inbound numbers that lead to the menu; `*`: every one
    inbound: str = "from-trunk"  # the context calls from outside come into; FreePBX and Issabel have their own way
    queues: list[str] = Field(default=[])  # of the PBX, for flows; the first takes callers without the daemon
    fallback: str | None = None  # `context,extension` that takes them then instead
    internal: str = "from-internal"  # the context in which the house's extensions are dialled
    extensions: list[str] = Field(default=[])  # as 1XX: where flows transfer to and what agents dial by a click
    phones: Literal["PJSIP", "SIP"] = "PJSIP"  # how a flow's `dial` rings a phone
    outbound: bool = False  # agents may call the world by a click, by their PBX's own rules
    permit: list[NetworkName] = Field(default=["127.0.0.1/32"])  # where the daemon may come from
