"""Where a call of our own goes: to the PBX of the settings, from an address that it knows us by."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest

from pbx_bridge.config import load
from pbx_bridge.config.running import running_system
from pbx_bridge.errors import PbxError
from pbx_bridge.pbx.try_call import way_to
from pbx_bridge.values.loopback import is_loopback


@pytest.mark.parametrize(
    ("host", "here"), [("127.0.0.2", True), ("::1", True), ("localhost", True), ("pbx", False), ("", False)]
)
def test_only_loopback_is_this_machine_for_sure(host: str, here: bool) -> None:
    assert is_loopback(host) is here


@pytest.mark.parametrize(
    ("ami", "there"),
    [("", "127.0.0.1"), ("localhost", "127.0.0.1"), ("asterisk", "asterisk"), ("10.0.0.7", "10.0.0.7")],
)
def test_calls_go_where_the_pbx_is(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, ami: str, there: str) -> None:
    monkeypatch.setenv("PBX_BRIDGE_HOME", str(tmp_path))
    if ami:
        monkeypatch.setenv("PBX_BRIDGE_AMI__HOST", ami)
    assert running_system(load()).host == there


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
async def test_on_this_machine_we_call_from_loopback(host: str) -> None:
    assert await way_to(host, 5060) == ("127.0.0.1", "127.0.0.1")


async def test_a_pbx_without_an_address_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    def unknown(*_: object, **__: object) -> None:
        raise socket.gaierror(-2, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    with pytest.raises(PbxError, match="no way to the PBX at asterisk: Name or service not known"):
        await way_to("asterisk", 5060)
