"""A hundred bad inputs to commands: each is one clear line and the right exit status, never a traceback.

Status 1: what was asked for cannot be done, said in one line that begins with `pbx-bridge:`. Status 2: the command
line itself is wrong; click shows the usage, and what is wrong stands in the last line.
"""

from __future__ import annotations

import shlex
import unicodedata
from collections.abc import Iterator
from pathlib import Path

import pytest
import structlog
from click.testing import CliRunner

from pbx_bridge.cli import cli

FILES: dict[str, bytes] = {
    "bad/syntax.toml": b"[web\nport = 1\n",
    "crm-bom/customers.csv": b"\xff\xfec\0o\0",
    "crm-columns/customers.csv": b"code,nombre\nC-1,x\n",
    "crm-torn/customers.csv": b'code,name,language,tier\nC-1,"open,fa,gold\n',
    "crm-short/customers.csv": b"code,name,language,tier\nC-1,x\n",
    "crm-control/customers.csv": b"code,name,language,tier\nC-1,a\x07b,fa,gold\n",
    "crm-twice/customers.csv": b"code,name,language,tier\nC-1,a,fa,\nC-1,b,fa,\n",
    "crm-language/customers.csv": b"code,name,language,tier\nC-1,a,klingon,\n",
    "crm-pin/customers.csv": b"code,name,language,tier,pin\nC-1,a,fa,,12\n",
    "crm-phone/contacts.csv": b"customer_code,name,phone\nC-1,a,12\n",
    "crm-nobody/contacts.csv": b"customer_code,name,phone\nC-77,a,09121234567\n",
    "crm-dates/contracts.csv": b"customer_code,number,starts_on,ends_on,level\nC-1,K,1405/02/32,1405/12/29,\n",
    "crm-number/tickets.csv": b"tracking_number,customer_code,subject,status,created_at,updated_at,promised_on\n"
    b"123,C-1,x,open,2026-11-01,,\n",
    "crm-empty/readme.txt": b"nothing",
    "cdr-empty.csv": b"",
    "cdr-none.csv": b"this is no export\n",
    "cdr-header.csv": b"calldate,src\n2026-11-21 10:00:00,101\n",
    "cdr-return.csv": b"calldate\rsrc\n",
    "flow-syntax.yaml": b"flow: x\nnodes: [\n",
    "flow-kind.yaml": b"flow: x\nlanguages: [fa]\nstart: a\nperson: a\nfiller: one_moment\n"
    b"nodes:\n  a: {kind: teleport}\n",
    "flow-empty.yaml": b"",
    "flow-binary.yaml": b"\x00\xff\xfe",
    "flow-deep.yaml": b"[" * 5000,
    "flow-target.yaml": b"flow: x\nlanguages: [fa]\nstart: gone\nperson: gone\nfiller: one_moment\nnodes: {}\n",
    "backup-none/x": b"",
    "backup-bytes/manifest.json": b'{"format":"\xff"}',
    "backup-deep/manifest.json": b"[" * 20_000,
    "takes.zip": b"PK\x03\x04 no zip",
    "token": b"%s\n" % (b"t" * 43),
}

# (the words, what the line says); a leading NAME=value goes into the environment.
REFUSED: tuple[tuple[str, str], ...] = (
    # settings
    ("PBX_BRIDGE_WEB__PORT=0 users list", "web.port"),
    ("PBX_BRIDGE_WEB__PORT=eighty users list", "web.port"),
    ("PBX_BRIDGE_WEB__PORTS=80 users list", "PBX_BRIDGE_WEB__PORTS"),
    ("PBX_BRIDGE_ZONE=Mars/Base users list", "zone"),
    ("PBX_BRIDGE_ZONE=../../etc/passwd users list", "zone"),
    ("PBX_BRIDGE_REGION=XX users list", "region"),
    ("PBX_BRIDGE_LOG__LEVEL=loud users list", "log.level"),
    ("PBX_BRIDGE_STORE__URL=mysql://u:topsecret@h/d users list", "store"),
    ("PBX_BRIDGE_WEB__METRICS_FOR='[\"everybody\"]' users list", "web.metrics_for"),
    ("PBX_BRIDGE_WEB__METRICS_FOR=[ users list", "web"),
    ('PBX_BRIDGE_PROMISES__WEEKLY=\'{"sat":"8"}\' users list', "promises.weekly"),
    ('PBX_BRIDGE_DESK__DIAL_HOURS=\'{"sat":"25:00-26:00"}\' users list', "desk.dial_hours"),
    ("PBX_BRIDGE_REPORTS__ANSWER_PERCENT=101 users list", "reports.answer_percent"),
    ("PBX_BRIDGE_WEB__IDLE_HOURS=nan users list", "web.idle_hours"),
    ("PBX_BRIDGE_SPOOL__KEEP_DAYS=-1 users list", "spool.keep_days"),
    ("PBX_BRIDGE_NOSUCH__THING=1 users list", "PBX_BRIDGE_NOSUCH__THING"),
    ("PBX_BRIDGE_HOME=/dev/null/x users list", "/dev/null/x"),
    ("PBX_BRIDGE_HOME=bad users list", "pbx_bridge.toml"),
    # users, tokens, audit
    ("users add sara --role agent", "sara"),
    ("users add ' ' --role agent", "name"),
    ("users add evil\x1b[31m --role agent", "name"),
    ("users add neu --role agent --extension abc", "extension"),
    ("users passwd nobody", "nobody"),
    ("users change nobody --role lead", "nobody"),
    ("users change sara --extension 1;2", "extension"),
    ("users sign-out nobody", "nobody"),
    ("tokens add ' ' --role read_only", "name"),
    ("tokens add t --role read_only --until never", "never"),
    ("tokens add t --role read_only --until 2001-01-01", "before us"),
    ("tokens revoke nothing", "nothing"),
    ("audit list --since yesterdayish", "yesterdayish"),
    # imports
    ("crm import missing", "missing"),
    ("crm import cdr-none.csv", "cdr-none.csv"),
    ("crm import crm-empty", "crm-empty"),
    ("crm import crm-bom", "customers.csv"),
    ("crm import crm-columns", "nombre"),
    ("crm import crm-torn", "customers.csv:2"),
    ("crm import crm-short", "customers.csv:2"),
    ("crm import crm-control", "control character"),
    ("crm import crm-twice", "line 2"),
    ("crm import crm-language", "klingon"),
    ("crm import crm-pin", "PIN"),
    ("crm import crm-phone", "phone"),
    ("crm import crm-nobody", "C-77"),
    ("crm import crm-dates", "starts_on: "),
    ("crm import crm-number", "tracking_number"),
    ("crm import crm-twice --all-contacts", "contacts.csv"),
    ("calls import missing.csv", "missing.csv"),
    ("calls import crm-empty", "crm-empty"),
    ("calls import cdr-empty.csv", "empty"),
    ("calls import cdr-none.csv", "no line of it"),
    ("calls import cdr-header.csv", "column dst is missing"),
    ("calls import cdr-return.csv", "no line of it"),
    ("calls import cdr-header.csv --zone Mars/Base", "Mars/Base"),
    ("calls import cdr-header.csv --node 'a b'", "node"),
    # the record
    ("calls --since tomorrowish", "tomorrowish"),
    ("calls --since 9999999999d", "9999999999d"),
    ("calls verify --since x", "x"),
    ("calls gaps --since -1", "-1"),
    ("calls rebuild --since 0000-00-00", "0000-00-00"),
    ("calls survey --since ۹۹", "99"),
    ("recordings list --since 31.12.2026", "31.12.2026"),
    ("recordings check --since 1y", "1y"),
    ("messages list --since -5d", "-5d"),
    # requests
    ("tickets assign 123 --to sara", "123"),
    ("tickets assign abc", "abc"),
    ("tickets status 12345 flying", "flying"),
    ("tickets status abc closed", "abc"),
    ("complaints acknowledge 99", "99"),
    ("complaints answer abc --done x", "abc"),
    ("complaints close 99 --satisfied yes", "99"),
    ("complaints reopen 99", "99"),
    ("callbacks done nope", "nope"),
    # flows
    ("flow draw missing", "missing"),
    ("flow draw flow-syntax.yaml", "flow-syntax.yaml"),
    ("flow draw support --since neverish", "neverish"),
    ("flow try flow-kind.yaml", "teleport"),
    ("flow try flow-empty.yaml", "flow-empty.yaml"),
    ("flow try flow-binary.yaml", "flow-binary.yaml"),
    ("flow try flow-deep.yaml", "flow-deep.yaml"),
    ("flow try flow-target.yaml", "gone"),
    ("flow try support --clock teatime", "teatime"),
    ("flow try support --language de", "de"),
    ("flow test missing", "missing"),
    ("flow test support --case nosuch", "nosuch"),
    ("flow rollback 000000000000", "000000000000"),
    ("flow deploy support --line nosuch", "nosuch"),
    # sounds
    ("prompts export --language de", "de"),
    ("prompts import takes.zip --language fa", "takes.zip"),
    ("prompts import crm-empty --language de", "de"),
    # store and backups
    ("db copy --to mysql://h/d", "mysql"),
    ("db copy --to postgresql://u:topsecret@127.0.0.1:1/d", "a password does not belong"),
    ("restore backup-none", "backup-none"),
    ("restore backup-bytes", "manifest.json"),
    ("restore backup-deep", "manifest.json"),
    ("db copy --to postgresql://u@127.0.0.1:1/d", "127.0.0.1"),
    ("backup /dev/null/x", "/dev/null"),
    # calls and services
    ("call --agent 101 '+98 12;rm'", "is no"),
    ("call --agent 999 09121234567", "999"),
    ("try-call --from 09121234567", "not running"),
    ("services ask nosuch", "nosuch"),
    # a PBX, numbers, spools
    ("numbers try 09121234567 --trunk nosuch", "nosuch"),
    ("spool token 'a/b'", "a/b"),
    ("spool send --to http://h:1 --token-file token", "https"),
    ("spool send --to https://h:1 --token-file missing", "missing"),
    ("pbx rollback nosuch --to crm-empty", "nosuch"),
)

USAGE: tuple[tuple[str, str], ...] = (
    ("nosuch", "nosuch"),
    ("prompts import missing.zip --language fa", "missing.zip"),
    ("restore cdr-empty.csv", "cdr-empty.csv"),
    ("backup cdr-empty.csv", "cdr-empty.csv"),
    ("users add", "NAME"),
    ("users add a --role boss", "boss"),
    ("calls --limit 0", "--limit"),
    ("calls --limit many", "--limit"),
    ("audit list --limit -1", "--limit"),
    ("calls survey --by mood", "mood"),
    ("calls import", "FILE"),
    ("flow draw support --format gif", "gif"),
    ("complaints answer 1", "--done"),
    ("call 09121234567", "--agent"),
    ("db copy", "--to"),
    ("flow lint --loudly", "--loudly"),
)


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("bad")
    for name, data in FILES.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(data)
    (folder / "bad" / "syntax.toml").rename(folder / "bad" / "pbx_bridge.toml")
    env = {"PBX_BRIDGE_HOME": str(folder)}
    made = CliRunner().invoke(cli, ["users", "add", "sara", "--role", "agent"], env=env, input="a fine password\n")
    assert made.exit_code == 0, made.output
    return folder


@pytest.fixture(autouse=True)
def there(home: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.chdir(home)
    yield
    structlog.reset_defaults()  # commands say only what is wrong; other tests want to hear more


def told(home: Path, line: str) -> tuple[int, list[str], str]:
    """Exit status, the lines on standard error, and what is on standard output."""
    env, words = {"PBX_BRIDGE_HOME": str(home)}, shlex.split(line)
    while words[0].startswith("PBX_BRIDGE_"):
        name, _, value = words.pop(0).partition("=")
        env[name] = value
    result = CliRunner().invoke(cli, words, env=env, input="a fine password\n")
    assert result.exception is None or isinstance(result.exception, SystemExit), repr(result.exception)
    return result.exit_code, result.stderr.splitlines(), result.stdout


@pytest.mark.parametrize(("line", "says"), REFUSED, ids=lambda value: value if " " in value else "")
def test_what_cannot_be_done_is_one_clear_line(home: Path, line: str, says: str) -> None:
    status, errors, output = told(home, line)
    assert (status, len(errors)) == (1, 1), (status, errors, output)
    assert errors[0].startswith("pbx-bridge: ")
    assert says in errors[0]
    assert all(unicodedata.category(letter) != "Cc" for letter in errors[0])
    assert "topsecret" not in errors[0]
    assert output == ""


@pytest.mark.parametrize(("line", "says"), USAGE)
def test_a_wrong_command_line_shows_the_usage_and_what_is_wrong(home: Path, line: str, says: str) -> None:
    status, errors, output = told(home, line)
    assert status == 2, (errors, output)
    assert says in errors[-1]
    assert errors[-1].startswith("Error: ")
    assert "--help" in " ".join(errors)


def test_there_are_more_than_a_hundred() -> None:
    assert len(set(REFUSED)) + len(set(USAGE)) > 100
