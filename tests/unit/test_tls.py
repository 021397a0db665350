"""Whom we believe over TLS: real certificates, and for each that is not believed the sentence with what to mend."""

from __future__ import annotations

import hashlib
import ssl
from dataclasses import replace
from pathlib import Path

import aiohttp
import pytest
import trustme
from harness.remote_spool import NAMES, Certificate, certificate
from harness.toy_ami import toy_ami

from pbx_bridge.ami.connection import AmiConnection
from pbx_bridge.ari_handlers.socket import open_socket
from pbx_bridge.config.link_sections import AmiSettings, AriSettings, ReceiveSettings
from pbx_bridge.errors import AmiUnavailable, AriUnavailable, SettingsError
from pbx_bridge.tls import Trust, load_certificate, pin_of, server_context

UNKNOWN = "its certificate is of an unknown issuer: name the issuer in --ca-file, or pin it by --fingerprint"
NAME = "its certificate is for another name: write the name it has in --to, or set --fingerprint"
EXPIRED = "its certificate has expired: renew it there, or pin it by --fingerprint"
OTHER = "its certificate is not the one pinned by --fingerprint: compare the fingerprints before you change it"


def pin(paper: Certificate) -> str:
    """As openssl prints it."""
    first = ssl.PEM_cert_to_DER_cert(paper.certificate.read_text().split("-----END")[0] + "-----END CERTIFICATE-----")
    digest = hashlib.sha256(first).hexdigest().upper()
    return "sha256 Fingerprint=" + ":".join(digest[i : i + 2] for i in range(0, 64, 2))


def shown(folder: Path, case: str) -> Certificate:
    """What the far end shows in that case."""
    match case:
        case "another name":
            return certificate(folder, "pbx.example")
        case "expired":
            return certificate(folder, expired=True)
        case "unknown issuer":
            return replace(certificate(folder, signer=trustme.CA()), issuer=certificate(folder / "ours").issuer)
        case _:
            return certificate(folder)


def trusted(paper: Certificate, case: str) -> Trust:
    """Whom we believe in that case."""
    match case:
        case "the system's issuers":
            return NAMES
        case "its own certificate as issuer":
            return replace(NAMES, ca_file=paper.certificate)
        case "pinned, whatever its name and dates":
            return replace(NAMES, fingerprint=pin_of(pin(paper)))
        case "pinned another":
            return replace(NAMES, fingerprint="0" * 64)
        case _:
            return replace(NAMES, ca_file=paper.issuer)


REFUSED = [
    ("another name", NAME),
    ("expired", EXPIRED),
    ("unknown issuer", UNKNOWN),
    ("the system's issuers", UNKNOWN),
    ("pinned another", OTHER),
]
BELIEVED = ["issued", "its own certificate as issuer", "pinned, whatever its name and dates"]


@pytest.mark.parametrize(("case", "reason"), REFUSED)
async def test_who_is_not_believed_gets_no_password_and_we_say_what_to_mend(
    tmp_path: Path, case: str, reason: str
) -> None:
    paper = shown(tmp_path, case)
    trust = trusted(paper, case)
    async with toy_ami(tls=server_context(paper.certificate, paper.key, "receive")) as ami:
        with pytest.raises(AmiUnavailable) as by_ami:
            await AmiConnection.open("127.0.0.1", ami.port, "pbx_bridge", "right", trust=trust)
        assert str(by_ami.value) == f"no AMI at 127.0.0.1:{ami.port}: {reason}"
        assert await by_http(f"https://127.0.0.1:{ami.port}/ari", trust) == reason
        assert ami.actions == []


@pytest.mark.parametrize("case", BELIEVED)
async def test_who_is_believed_is_spoken_to(tmp_path: Path, case: str) -> None:
    paper = certificate(tmp_path, "pbx.example", expired=True) if "pinned" in case else certificate(tmp_path)
    async with toy_ami(tls=server_context(paper.certificate, paper.key, "receive")) as ami:
        connection = await AmiConnection.open(
            "127.0.0.1", ami.port, "pbx_bridge", "right", trust=trusted(paper, case)
        )
        assert (await connection.send("Ping"))["ping"] == "Pong"
        connection.close()


async def test_a_port_without_tls_is_told_from_one_with_a_wrong_certificate(tmp_path: Path) -> None:
    trust = trusted(certificate(tmp_path), "issued")
    async with toy_ami() as ami:
        with pytest.raises(AmiUnavailable, match=r"does not speak TLS as it should \(.+\): look at --to"):
            await AmiConnection.open("127.0.0.1", ami.port, "pbx_bridge", "right", trust=trust)
        assert "does not speak TLS as it should" in await by_http(f"https://127.0.0.1:{ami.port}/ari", trust)


async def by_http(url: str, trust: Trust) -> str:
    """Why ARI's websocket cannot be opened there."""
    connector = aiohttp.TCPConnector(ssl=trust.for_http())
    async with aiohttp.ClientSession(connector=connector) as session:
        with pytest.raises(AriUnavailable) as error:
            async with open_socket(session, url, on_open=lambda: None, on_message=lambda _: None, trust=trust):
                pass
    return str(error.value)


def test_files_that_are_no_certificates_are_named_with_their_setting(tmp_path: Path) -> None:
    bad, paper = tmp_path / "bad.pem", certificate(tmp_path)
    bad.write_text("hello")
    for path, reason in ((bad, "it holds no certificate in PEM"), (tmp_path / "none", "No such file or directory")):
        with pytest.raises(SettingsError, match=f"setting --ca-file: {path}: {reason}"):
            _ = replace(NAMES, ca_file=path).context
    context = server_context(paper.certificate, paper.key, "receive")
    with pytest.raises(SettingsError, match=r"settings receive\.certificate and receive\.key: .* are no certificate"):
        load_certificate(context, paper.certificate, bad, "receive")
    with pytest.raises(SettingsError, match=r"setting receive\.key: .*none: No such file"):
        load_certificate(context, paper.certificate, tmp_path / "none", "receive")


@pytest.mark.parametrize("told", ["", "aa:bb", "sha1 Fingerprint=" + "A" * 40, "g" * 64])
def test_what_is_no_fingerprint_is_refused(told: str) -> None:
    with pytest.raises(ValueError, match="64 hexadecimal digits"):
        pin_of(told)


@pytest.mark.parametrize(
    ("section", "told", "reason"),
    [
        (AriSettings, {"url": "http://pbx:8088/ari", "ca_file": "x"}, "ari.url that begins with https://"),
        (AriSettings, {"url": "https://pbx:8089/ari", "fingerprint": "aa"}, "64 hexadecimal digits"),
        (AmiSettings, {"fingerprint": "0" * 64}, "ami.tls = true"),
        (AmiSettings, {"tls": True}, "name host and port"),
        (ReceiveSettings, {"port": 8443, "nodes": ["pbx1"]}, "over TLS only"),
        (ReceiveSettings, {"nodes": ["pbx1"]}, "nobody listens"),
        (
            ReceiveSettings,
            {"port": 8443, "certificate": "c", "key": "k", "nodes": ["a", "a"]},
            "named twice",
        ),
    ],
)
def test_settings_that_would_not_count_are_refused(
    section: type[AriSettings | AmiSettings | ReceiveSettings], told: dict[str, object], reason: str
) -> None:
    with pytest.raises(ValueError, match=reason):
        section.model_validate(told)
