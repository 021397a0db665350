"""ARI and AMI over TLS in the rendered configuration: only when asked for, and to nobody but the daemon."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest
from test_pbx_render import a_plan, lines

from pbx_bridge.errors import PlanRefused
from pbx_bridge.pbx.remote import RemoteDaemon
from pbx_bridge.pbx.render import render

REMOTE = RemoteDaemon(
    host="192.168.10.5",
    certificate="/etc/asterisk/keys/pbx.pem",
    key="/etc/asterisk/keys/pbx.key",
    networks=("192.168.10.20/32",),
)


def test_both_doors_open_over_tls_and_without_it_they_stay_on_loopback() -> None:
    files = render(replace(a_plan(), remote=REMOTE))
    assert {name for name, text in files.items() if text != render(a_plan())[name]} == {
        "http.conf",
        "manager.conf",
        "ari.conf",
    }
    for name, port in (("http.conf", 8089), ("manager.conf", 5039)):
        told = lines(files[name])
        assert "bindaddr = 127.0.0.1" in told
        assert [line for line in told if line.startswith("tls")] == [
            "tlsenable = yes",
            f"tlsbindaddr = 192.168.10.5:{port}",
            "tlscertfile = /etc/asterisk/keys/pbx.pem",
            "tlsprivatekey = /etc/asterisk/keys/pbx.key",
            "tlsdisablev1 = yes",
            "tlsdisablev11 = yes",
        ]
        assert told.index("tlsenable = yes") < next(i for i, line in enumerate(told) if re.match(r"\[(?!gen)", line))


def test_who_may_sign_in_is_this_machine_and_the_daemons() -> None:
    files = render(replace(a_plan(), remote=REMOTE))
    assert {line for line in lines(files["ari.conf"]) if line.startswith("permit")} == {
        "permit = 127.0.0.1/32,192.168.10.20/32"
    }
    assert [line for line in lines(files["manager.conf"]) if line.startswith("permit")] == [
        "permit = 127.0.0.1/32",
        "permit = 192.168.10.20/32",
    ]


@pytest.mark.parametrize(
    ("wrong", "reason"),
    [
        ({"host": "pbx.example"}, "pbx.remote.host: 'pbx.example' is no IPv4 address"),
        ({"certificate": "a; tlsenable = no"}, "pbx.remote.certificate: 'a; tlsenable = no' cannot stand"),
        ({"key": "/a\nwebenabled = yes"}, "pbx.remote.key:"),
        ({"networks": ()}, "pbx.remote.networks: from where does the daemon come"),
        ({"networks": ("0.0.0.0/0",)}, "pbx.remote.networks: 0.0.0.0/0 is half the world"),
        ({"ari_port": 8098}, "pbx.remote.ari_port: port 8098 is that of pbx.ari_port already"),
    ],
)
def test_what_cannot_be_is_refused_with_its_setting(wrong: dict[str, object], reason: str) -> None:
    with pytest.raises(PlanRefused, match=re.escape(reason)):
        replace(a_plan(), remote=replace(REMOTE, **wrong))  # type: ignore[arg-type]
