"""Is the daemon ready? As a program, for a container's health check: exit status 0 when it is."""

from __future__ import annotations

import http.client
import json
import os
import ssl
import sys
from collections.abc import Mapping
from dataclasses import dataclass

_EVERYWHERE = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104  (not bound here: asked)


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkTold:
    """A link as the daemon tells it: `up`, `degraded` or `down`, since when (ISO, UTC), and why."""

    name: str
    state: str
    since: str
    detail: str


def links(host: str, port: int, session_key: str) -> tuple[LinkTold, ...] | None:
    """How each link stands, with the reasons, which are told to who has the session key. None: nobody answers."""
    from cryptography.fernet import Fernet  # a container's check shall be quick

    proof = Fernet(session_key).encrypt(b"status").decode()
    answer = _ask(host, port, "/readyz", {"X-PBX-Bridge-Proof": proof})
    if answer is None:
        return None
    try:
        told = json.loads(answer[1])["links"]
        return tuple(
            LinkTold(name=name, state=link["state"], since=link["since"], detail=link.get("detail", ""))
            for name, link in told.items()
        )
    except (ValueError, KeyError, TypeError, AttributeError):  # another program has the port
        return None


def ready(host: str, port: int) -> bool:
    """True when `/readyz` answers 200: callers are served."""
    return _answers(host, port, "/readyz")


def alive(host: str, port: int) -> bool:
    """True when `/healthz` answers 200: the process stirs, whatever its links do."""
    return _answers(host, port, "/healthz")


def _answers(host: str, port: int, path: str) -> bool:
    answer = _ask(host, port, path, {})
    return answer is not None and answer[0] == http.HTTPStatus.OK


def _ask(host: str, port: int, path: str, headers: Mapping[str, str]) -> tuple[int, bytes] | None:
    """Plainly or over TLS, whichever it speaks. Its certificate is for people's names of it, and nothing is told."""
    host = _EVERYWHERE.get(host, host)
    unchecked = ssl.create_default_context()
    unchecked.check_hostname, unchecked.verify_mode = False, ssl.CERT_NONE
    return _answer(http.client.HTTPConnection(host, port, timeout=4), path, headers) or _answer(
        http.client.HTTPSConnection(host, port, timeout=4, context=unchecked), path, headers
    )


def _answer(
    connection: http.client.HTTPConnection, path: str, headers: Mapping[str, str]
) -> tuple[int, bytes] | None:
    try:
        connection.request("GET", path, headers=dict(headers))
        answer = connection.getresponse()
        return answer.status, answer.read()
    except (OSError, http.client.HTTPException):
        return None
    finally:
        connection.close()


if __name__ == "__main__":
    environ = os.environ
    host = environ.get("PBX_BRIDGE_WEB__HOST", "127.0.0.1")
    sys.exit(0 if ready(host, int(environ.get("PBX_BRIDGE_WEB__PORT", "8080"))) else 1)
