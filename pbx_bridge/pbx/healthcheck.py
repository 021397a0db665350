"""Is the daemon ready? As a program, for a container's health check: exit status 0 when it is."""

from __future__ import annotations

import http.client
import os
import ssl
import sys


def ready(host: str, port: int) -> bool:
    """True when `/readyz` answers 200: callers are served."""
    return _answers(host, port, "/readyz")


def alive(host: str, port: int) -> bool:
    """True when `/healthz` answers 200: the process stirs, whatever its links do."""
    return _answers(host, port, "/healthz")


def _answers(host: str, port: int, path: str) -> bool:
    """Plainly or over TLS, whichever it speaks. Its certificate is for people's names of it, and nothing is told."""
    unchecked = ssl.create_default_context()
    unchecked.check_hostname, unchecked.verify_mode = False, ssl.CERT_NONE
    return _ok(http.client.HTTPConnection(host, port, timeout=4), path) or _ok(
        http.client.HTTPSConnection(host, port, timeout=4, context=unchecked), path
    )


def _ok(connection: http.client.HTTPConnection, path: str) -> bool:
    try:
        connection.request("GET", path)
        return connection.getresponse().status == http.HTTPStatus.OK
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


if __name__ == "__main__":
    environ = os.environ
    host = environ.get("PBX_BRIDGE_WEB__HOST", "127.0.0.1")
    there = "127.0.0.1" if host == "0.0.0.0" else host, int(environ.get("PBX_BRIDGE_WEB__PORT", "8080"))  # noqa: S104
    sys.exit(0 if ready(*there) else 1)
