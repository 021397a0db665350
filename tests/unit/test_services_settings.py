"""Services in the settings: their URLs, headers and secrets, what is refused at start, and `pbx-bridge services`."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path, PurePosixPath
from urllib.parse import unquote, urlsplit

import pytest
import structlog
from click.testing import CliRunner, Result
from hypothesis import given
from hypothesis import strategies as st

from pbx_bridge.cli import cli
from pbx_bridge.config import Settings, load
from pbx_bridge.errors import FlowError, SettingsError
from pbx_bridge.ivr.loader import Loader
from pbx_bridge.ivr.releases import Releases
from pbx_bridge.ivr.sounds.ahead import MadeAhead
from pbx_bridge.services.template import UrlTemplate
from pbx_bridge.values.dates import TEHRAN

SECRET = "s3cret-of-the-crm"


def settings(home: Path, services: str, token: str | None = None) -> Settings:
    (home / "pbx_bridge.toml").write_text(services)
    if token is not None:
        (home / "secrets").mkdir(exist_ok=True)
        (home / "secrets" / "accounts").write_text(token)
    return load({"PBX_BRIDGE_HOME": str(home)})


def section(**fields: object) -> str:
    lines = [f"{name} = {json.dumps(value)}" for name, value in fields.items() if name != "headers"]
    told = [f"{name} = {json.dumps(value)}" for name, value in dict(fields.get("headers", {})).items()]  # type: ignore[call-overload]
    return "\n".join(["[services.accounts]", *lines, "[services.accounts.headers]", *told])


# --- URLs ---------------------------------------------------------------------------------------------------------

TEMPLATE = UrlTemplate.parse("https://host.example:8443/a/{code}/b-{code}?q={text}&v=1")


def filled(code: str, text: str | int | bool) -> tuple[str, str]:
    """The URL, or why there is none."""
    try:
        return TEMPLATE.fill({"code": code, "text": text}), ""
    except ValueError as error:
        return "", str(error)


@given(st.text(max_size=60), st.text(max_size=60) | st.integers() | st.booleans())
def test_no_argument_leads_elsewhere(code: str, text: str | int | bool) -> None:
    url, why = filled(code, text)
    if why:
        assert why in ("argument code cannot stand in a URL", "argument text cannot stand in a URL")
        return
    assert url.isascii()
    parts = urlsplit(url)
    assert (parts.scheme, parts.netloc, parts.fragment) == ("https", "host.example:8443", "")
    assert [unquote(part) for part in parts.path.split("/")] == ["", "a", code, f"b-{code}"]
    assert ".." not in parts.path.split("/")
    assert parts.query.count("&") == 1
    shown = str(text).lower() if isinstance(text, bool) else str(text)
    assert unquote(parts.query.removesuffix("&v=1").removeprefix("q=")) == shown


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("", "letters, digits and signs"),
        ("https://host/a b", "letters, digits and signs"),
        ("https://host\\@evil/", "letters, digits and signs"),
        ("https://host/\u202e", "letters, digits and signs"),
        ("https://host/" + "x" * 500, "letters, digits and signs"),
        ("ftp://host/", "begins with https"),
        ("file:///etc/passwd", "begins with https"),
        ("host/path", "begins with https"),
        ("https://user:pw@host/", "no user and no password"),
        ("https://{host}/", "fixed name"),
        ("https://host{x}/", "fixed name"),
        ("https://host:{port}/", "fixed name"),
        ("https:///path", "fixed name"),
        ("https://host:0/", "fixed name"),
        ("https://host:70000/", "fixed name"),
        ("{scheme}://host/", "begins with https"),
        ("https://host/#a", "no #"),
        ("https://host/{Code}", "round the name"),
        ("https://host/{code", "round the name"),
        ("https://host/{{code}}", "round the name"),
        ("https://host/{}", "round the name"),
    ],
)
def test_a_url_that_is_not_fixed_is_refused(tmp_path: Path, url: str, why: str) -> None:
    with pytest.raises(SettingsError, match=rf"^setting services\.accounts\.url: .*{why}") as caught:
        settings(tmp_path, section(url=url))
    assert "pw" not in str(caught.value).removeprefix("setting")


@pytest.mark.parametrize(
    "url", ["https://host", "http://127.0.0.1:8080/{a}/{b}?c={c}", "https://[::1]:1/", "https://a.b/%2F"]
)
def test_urls_that_can_be_asked(tmp_path: Path, url: str) -> None:
    assert settings(tmp_path, section(url=url)).services["accounts"].url.startswith(url)


# --- what else is refused -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fields", "why"),
    [
        ({}, r"services\.accounts\.url: Field required"),
        ({"url": "https://host/", "urll": "x"}, "unknown setting services.accounts.urll .*did you mean url"),
        ({"url": "https://host/", "method": "PUT"}, r"services\.accounts\.method"),
        ({"url": "https://host/", "limit_s": 0}, r"services\.accounts\.limit_s"),
        ({"url": "https://host/", "limit_s": 8}, r"services\.accounts\.limit_s"),
        ({"url": "https://host/", "cache_s": -1}, r"services\.accounts\.cache_s"),
        ({"url": "https://host/", "headers": {"Authorization": f"Bearer {SECRET}"}}, "is a secret: write {token}"),
        ({"url": "https://host/", "headers": {"X-Key": "{token}"}}, "there is no token_file"),
        ({"url": "https://host/", "headers": {"Host": "evil"}}, "Host is made by us"),
        ({"url": "https://host/", "headers": {"X": f"{SECRET}\r\nY: z"}}, "on one line"),
        ({"url": "http://host/", "token_file": "accounts"}, "over http:// can be read"),
    ],
)
def test_settings_that_cannot_be_are_refused_without_what_may_be_a_secret(
    tmp_path: Path, fields: dict[str, object], why: str
) -> None:
    with pytest.raises(SettingsError, match=why) as caught:
        settings(tmp_path, section(**fields))
    assert SECRET not in str(caught.value)


def test_a_name_is_small_letters(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"services\.Accounts"):
        settings(tmp_path, '[services.Accounts]\nurl = "https://host/"\n')


@pytest.mark.parametrize("token", [None, "", "  \n", "two words", "two\nlines", "ن", "\0" * 20, "x" * 4097])
def test_a_secret_that_is_not_there_or_none_is_refused_at_start(tmp_path: Path, token: str | None) -> None:
    told = settings(tmp_path, section(url="https://host/", token_file="accounts"), token)
    with pytest.raises(SettingsError, match=r"^setting services\.accounts\.token_file: .*accounts") as caught:
        told.services_ready()
    assert "words" not in str(caught.value)
    assert told.services_known()["accounts"].url.server == "https://host"


@pytest.mark.parametrize(
    ("headers", "sent"),
    [
        ({}, {"Authorization": f"Bearer {SECRET}"}),
        ({"X-Key": "{token}", "X": "y"}, {"X-Key": SECRET, "X": "y"}),
    ],
)
def test_the_secret_goes_where_the_headers_say(tmp_path: Path, headers: dict[str, str], sent: dict[str, str]) -> None:
    fields = section(url="https://host/", token_file="accounts", headers=headers)
    ready = settings(tmp_path, fields, f"{SECRET}\n").services_ready()["accounts"]
    assert ready.headers == sent
    assert SECRET not in repr(ready)


def test_the_environment_has_services_as_json(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PBX_BRIDGE_HOME", str(tmp_path))
    monkeypatch.setenv("PBX_BRIDGE_SERVICES", '{"a": {"url": "https://host/{b}"}}')
    assert load().services_known()["a"].arguments == {"b"}
    monkeypatch.setenv("PBX_BRIDGE_SERVICES", "{a")
    with pytest.raises(SettingsError, match=r"services.*no JSON"):
        load()


# --- pbx-bridge services ------------------------------------------------------------------------------------------


class Accounts(BaseHTTPRequestHandler):
    """Knows one customer."""

    def do_GET(self) -> None:
        known = {
            "/c/1": (200, b'{"balance": 125000, "who": {"name": "\\u202eAli"}, "list": [1]}'),
            "/c/2": (404, b""),
        }
        status, body = known.get(self.path, (500, b""))
        if self.headers["Authorization"] != f"Bearer {SECRET}":
            status = 401
        self.send_response(status)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Says nothing."""


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Path]:
    with HTTPServer(("127.0.0.1", 0), Accounts) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        url = f"http://127.0.0.1:{server.server_port}/c/{{code}}"
        settings(tmp_path, section(url=url, token_file="accounts", cache_s=60), SECRET)
        yield tmp_path
        server.shutdown()
        thread.join()


def run(home: Path, *told: str) -> Result:
    try:
        return CliRunner().invoke(cli, ["services", *told], env={"PBX_BRIDGE_HOME": str(home)})
    finally:
        structlog.reset_defaults()  # the command says only what is wrong; other tests want to hear more


def test_services_are_listed_without_their_secrets(home: Path) -> None:
    told = run(home, "list")
    assert told.exit_code == 0
    (line,) = told.stdout.splitlines()
    assert line.split()[:2] == ["accounts", "GET"]
    assert line.endswith("/c/{code}  within 3 s, kept 60 s")
    assert SECRET not in told.output


def test_no_services_are_no_error(tmp_path: Path) -> None:
    told = run(tmp_path, "list")
    assert (told.exit_code, told.stdout) == (0, "")


def test_an_answer_is_shown_as_a_flow_can_keep_it(home: Path) -> None:
    told = run(home, "ask", "accounts", "code=1")
    assert told.exit_code == 0, told.output
    assert told.stdout.splitlines() == [
        "balance = 125000  (digits, count, toman, rial)",
        "who.name = Ali  (text)",
    ]
    assert told.stderr.startswith("asked for ")


def test_no_such_thing_is_an_answer_and_unavailable_is_not(home: Path) -> None:
    none = run(home, "ask", "accounts", "code=2")
    assert (none.exit_code, none.stdout) == (0, "none: it knows no such thing\n")
    # A process of its own: it sets up the logs.
    command = [sys.executable, "-m", "pbx_bridge.cli", "services", "ask", "accounts", "code=3"]
    env = {**os.environ, "PBX_BRIDGE_HOME": str(home)}
    failed = subprocess.run(command, env=env, capture_output=True, text=True, timeout=30, check=False)
    assert (failed.returncode, failed.stdout) == (1, "")
    assert failed.stderr.splitlines()[-1] == "pbx-bridge: service accounts: it answered with HTTP status 500"
    assert SECRET not in failed.stderr


@pytest.mark.parametrize(
    ("told", "why"),
    [
        (["account", "code=1"], "there are: accounts"),
        (["accounts"], "needs code=VALUE"),
        (["accounts", "code"], "no ARGUMENT=VALUE"),
        (["accounts", "code=1", "more=2"], "no place for the argument 'more'"),
    ],
)
def test_what_cannot_be_asked_is_one_line(home: Path, told: list[str], why: str) -> None:
    result = run(home, "ask", *told)
    assert result.exit_code == 1
    assert why in result.stderr


# --- flows that ask them ------------------------------------------------------------------------------------------

FLOW = """
flow: asks
languages: [en]
start: balance
person: person
filler: one_moment
nodes:
  balance:
    kind: find
    service: accounts
    with: {code: "'1'"}
    gives: {amount: toman at balance, name: text at who.name}
    found: bye
    none: person
    unavailable: person
  bye: {kind: say, prompt: goodbye, next: end}
  person: {kind: queue, queue: support, nobody: end, timeout: end}
  end: {kind: hang_up}
"""


def flow_command(home: Path, command: str, *told: str, text: str = FLOW) -> Result:
    path = home / "asks.yaml"
    path.write_text(text)
    try:
        env = {"PBX_BRIDGE_HOME": str(home)}
        return CliRunner().invoke(cli, ["flow", command, str(path), *told], env=env, input="")
    finally:
        structlog.reset_defaults()


def test_a_flow_is_held_against_the_services_of_the_settings(home: Path) -> None:
    assert flow_command(home, "lint").exit_code == 0
    told = flow_command(home, "lint", text=FLOW.replace("service: accounts", "service: acounts"))
    assert told.exit_code == 1
    assert "asks.yaml:10: error unknown-service: nodes.balance.service: " in told.stdout
    assert "did you mean 'accounts'?" in told.stdout
    told = flow_command(home, "lint", text=FLOW.replace("code:", "kode:"))
    assert told.stdout.count("error service-argument: ") == 2


def test_a_tried_flow_asks_a_service_only_when_it_is_told_to(home: Path) -> None:
    told = flow_command(home, "try", "--demo")
    assert told.exit_code == 0, told.output
    assert "looked up accounts: unavailable (no service is there in a trial)" in told.stdout
    told = flow_command(home, "try", "--demo", "--services")
    assert told.exit_code == 0, told.output
    assert "looked up accounts: found" in told.stdout
    assert "125000" not in told.stdout


def test_a_daemon_does_not_take_a_flow_whose_service_it_does_not_have(tmp_path: Path) -> None:
    path = tmp_path / "asks.yaml"
    path.write_text(FLOW)
    loader = Loader(
        releases=Releases(tmp_path / "flows"),
        prompts=tmp_path / "prompts",
        sounds=tmp_path,
        seen_as=PurePosixPath("/"),
        queues=None,
        zone=TEHRAN,
        services={},
        ahead=MadeAhead(tmp_path),
    )
    with pytest.raises(FlowError, match=r"^flow asks: nodes\.balance\.service: the settings have no service 'acc"):
        loader.named(str(path))
