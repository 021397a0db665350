"""TLS at our end: whom we believe to be the far end, and what to say when it is somebody else.

A certificate is checked against an issuer (the system's, or one of the settings) and a name, or it is pinned: then it
must be that very one, whoever issued it and whatever its name and dates. There is no way to check nothing.
"""

from __future__ import annotations

import hashlib
import re
import ssl
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import aiohttp

from pbx_bridge.errors import SettingsError

_PIN = re.compile(r"[0-9a-f]{64}")
# OpenSSL's X509_V_ERR_* (openssl-verification-options(1)).
_NOT_YET, _EXPIRED, _OTHER_NAMES = 9, 10, (62, 64)
_UNKNOWN_ISSUER = (2, 18, 19, 20, 21)


def pin_of(text: str) -> str:
    """A SHA-256 fingerprint as we keep it, of one as `openssl x509` prints it. Raises ValueError."""
    pin = text.rpartition("=")[2].replace(":", "").strip().lower()
    if not _PIN.fullmatch(pin):
        raise ValueError(
            "a fingerprint is SHA-256: 64 hexadecimal digits, as `openssl x509 -fingerprint -sha256` says"
        )
    return pin


@dataclass(frozen=True, kw_only=True)
class Trust:
    """Whom we believe to be the far end.

    Attributes:
        address, ca, pin: what the settings (or options) are called that say where it is, who issued its certificate,
            and its fingerprint; for errors.
        ca_file: the only issuer believed, in PEM; None: those that the system knows.
        fingerprint: of the only certificate believed, as `pin_of` gives it; then nothing else counts.
    """

    address: str
    ca: str
    pin: str
    ca_file: Path | None = None
    fingerprint: str = ""

    @cached_property
    def context(self) -> ssl.SSLContext:
        """How to speak TLS. With a fingerprint the caller asks `check` after the handshake. Raises SettingsError."""
        try:
            context = ssl.create_default_context(cafile=self.ca_file)
        except (OSError, ssl.SSLError) as error:
            reason = error.strerror if not isinstance(error, ssl.SSLError) else "it holds no certificate in PEM"
            raise SettingsError(f"setting {self.ca}: {self.ca_file}: {reason}") from error
        context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN  # the server's own certificate will do as its issuer
        if self.fingerprint:
            context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
            context.sslobject_class = _pinned(self)
        return context

    def for_http(self) -> ssl.SSLContext | aiohttp.Fingerprint:
        """The same for aiohttp, which looks at the fingerprint before it sends anything. Raises SettingsError."""
        return aiohttp.Fingerprint(bytes.fromhex(self.fingerprint)) if self.fingerprint else self.context

    def check(self, certificate: bytes | None) -> str:
        """Why the certificate (in DER) of a finished handshake is not the one; empty if it is, or none is pinned."""
        if not self.fingerprint or hashlib.sha256(certificate or b"").hexdigest() == self.fingerprint:
            return ""
        return self._other_certificate()

    def reason(self, error: BaseException) -> str:
        """Why a connection was not made, with the setting to mend where TLS is the cause."""
        cause = _cause(error)
        match cause:
            case aiohttp.ServerFingerprintMismatch() | _OtherCertificate():
                return self._other_certificate()
            case ssl.SSLCertVerificationError():
                return self._unproved(cause)
            case ssl.SSLEOFError():
                return f"the connection ended before TLS began: is {self.address} its port for TLS?"
            case ssl.SSLError():
                return f"what answers there does not speak TLS as it should ({_word(cause)}): look at {self.address}"
            case _:
                return str(error) or type(error).__name__

    def _other_certificate(self) -> str:
        return f"its certificate is not the one pinned by {self.pin}: compare the fingerprints before you change it"

    def _unproved(self, error: ssl.SSLCertVerificationError) -> str:
        code = error.verify_code
        if code in _UNKNOWN_ISSUER:
            return f"its certificate is of an unknown issuer: name the issuer in {self.ca}, or pin it by {self.pin}"
        if code in _OTHER_NAMES:
            return f"its certificate is for another name: write the name it has in {self.address}, or set {self.pin}"
        if code == _EXPIRED:
            return f"its certificate has expired: renew it there, or pin it by {self.pin}"
        if code == _NOT_YET:
            return "its certificate is not valid yet: compare the clocks of both machines"
        return f"its certificate was not believed ({error.verify_message}): see {self.ca} and {self.pin}"


class _OtherCertificate(ssl.SSLError):
    """It is not the pinned one."""


def _pinned(trust: Trust) -> type[ssl.SSLObject]:
    """What looks at the certificate as the last part of the handshake, before anything of ours is sent."""

    class Pinned(ssl.SSLObject):
        def do_handshake(self) -> None:
            super().do_handshake()
            if reason := trust.check(self.getpeercert(binary_form=True)):
                raise _OtherCertificate(reason)

    return Pinned


def server_context(certificate: Path, key: Path, section: str) -> ssl.SSLContext:
    """TLS for a listener of ours, 1.2 at least. Raises SettingsError naming `section`'s setting."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    load_certificate(context, certificate, key, section)
    return context


def load_certificate(context: ssl.SSLContext, certificate: Path, key: Path, section: str) -> None:
    """Have a listener show this certificate from now on. Raises SettingsError; the one before then stays."""
    for name, path in (("certificate", certificate), ("key", key)):
        try:
            path.read_bytes()
        except OSError as error:
            raise SettingsError(f"setting {section}.{name}: {path}: {error.strerror}") from error
    try:
        context.load_cert_chain(certificate, key, password=lambda: "")  # never asks on a terminal
    except (OSError, ssl.SSLError, ValueError) as error:
        told = f"{certificate} and {key} are no certificate and its key in PEM"
        raise SettingsError(f"settings {section}.certificate and {section}.key: {told}") from error


class OwnCertificate:
    """What a listener of ours shows: read anew when its files change. Blocking.

    Args:
        section: of the settings, whose `certificate` and `key` they are.

    Raises:
        SettingsError: they cannot be read.
    """

    def __init__(self, certificate: Path, key: Path, section: str) -> None:
        self._certificate, self._key, self._section = certificate, key, section
        self._changed = self._stamps()
        self.context = server_context(certificate, key, section)

    def look(self) -> bool:
        """Show what is in the files if they changed; whether they did. Raises SettingsError; the one before stays."""
        if (changed := self._stamps()) == self._changed:
            return False
        self._changed = changed  # first: what is wrong with these files is said once
        load_certificate(self.context, self._certificate, self._key, self._section)
        return True

    def _stamps(self) -> tuple[int, ...]:
        """When the files changed last; 0 for one that is not there: reading it tells more."""
        return tuple(path.stat().st_mtime_ns if path.exists() else 0 for path in (self._certificate, self._key))


def _cause(error: BaseException) -> BaseException:
    """What an HTTP client's error wraps."""
    if isinstance(error, aiohttp.ClientConnectorCertificateError):
        return error.certificate_error
    if isinstance(error, aiohttp.ClientOSError) and isinstance(error.__cause__, ssl.SSLError):
        return error.__cause__
    return error


def _word(error: ssl.SSLError) -> str:
    return (error.reason or "no reason given").replace("_", " ").lower()
