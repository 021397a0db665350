"""One service as the settings have it, and the secret that it is asked with."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from pbx_bridge.errors import SettingsError
from pbx_bridge.services.template import UrlTemplate

Method = Literal["GET", "POST"]
TOKEN = "{token}"  # noqa: S105 (its place, not a secret)

_NAME = re.compile(r"^[A-Za-z0-9-]{1,60}$")
_VALUE = re.compile(r"^[\x20-\x7e]{0,500}$")
_OURS = frozenset(
    {"host", "connection", "content-length", "content-type", "transfer-encoding", "accept-encoding", "expect",
     "upgrade", "te", "trailer", "idempotency-key"}
)  # fmt: skip
_SECRET = frozenset({"authorization", "proxy-authorization", "cookie"})
_TOKEN = re.compile(r"^[\x21-\x7e]{1,4096}$")


@dataclass(frozen=True, slots=True, kw_only=True)
class Service:
    """A service that flows may ask.

    Attributes:
        headers: sent with each request, the secret in them.
        limit_s: seconds for a whole exchange. cache_s: seconds for which an answer counts; 0: it is asked each time.
    """

    name: str
    url: UrlTemplate
    method: Method = "GET"
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    limit_s: float = 3.0
    cache_s: float = 0.0

    @property
    def arguments(self) -> frozenset[str]:
        """What its URL needs."""
        return self.url.arguments


def check_headers(headers: Mapping[str, str], *, has_token: bool) -> None:
    """Raises ValueError naming a header that cannot be sent, or that would be a secret in the settings."""
    for name, value in headers.items():
        if not _NAME.match(name) or not _VALUE.match(value):
            raise ValueError("a header has a name of letters, digits and -, and a value of plain signs on one line")
        if name.lower() in _OURS:
            raise ValueError(f"header {name} is made by us")
        if name.lower() in _SECRET and TOKEN not in value:
            raise ValueError(f"header {name} is a secret: write {TOKEN} in its place, and name its token_file")
        if TOKEN in value and not has_token:
            raise ValueError(f"header {name} has a {TOKEN}, and there is no token_file")


def with_token(headers: Mapping[str, str], token: str) -> dict[str, str]:
    """The headers with the secret where they name it; where none does, as `Authorization: Bearer`."""
    if not any(TOKEN in value for value in headers.values()):
        headers = {**headers, "Authorization": f"Bearer {TOKEN}"}
    return {name: value.replace(TOKEN, token) for name, value in headers.items()}


def read_token(path: Path, setting: str) -> str:
    """A secret from its file. Raises SettingsError naming setting and file, never what stands there."""
    try:
        with path.open("rb") as file:
            token = file.read(5000).strip().decode("ascii", "replace")
    except OSError as error:
        raise SettingsError(f"setting {setting}: {path}: {error.strerror}") from None
    if not _TOKEN.match(token):
        raise SettingsError(f"setting {setting}: {path} holds no secret: one line of plain signs without spaces")
    return token
