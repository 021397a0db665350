"""A deployment into the folders of others: what it touches, what it leaves, what it refuses, and the way back."""

from __future__ import annotations

import os
import re
import signal
import sys
import tomllib
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pbx_folders import NUMBER, ODD, an_overlay, lay, look

from pbx_bridge.deploy.backup import Backup, Backups, State
from pbx_bridge.deploy.changes import Change, diff, overlay_changes
from pbx_bridge.deploy.folder import Flavour, Folder
from pbx_bridge.deploy.lint import faults
from pbx_bridge.deploy.marks import with_block, without_block
from pbx_bridge.deploy.overlay import SPOOL
from pbx_bridge.deploy.place import Place
from pbx_bridge.deploy.run import Deployment, deploy, rollback
from pbx_bridge.deploy.write import take_back, write_changes
from pbx_bridge.doctor.conf import parse
from pbx_bridge.errors import InputError, PbxError
from pbx_bridge.ivr import flow as flows
from pbx_bridge.pbx.version import Version
from pbx_bridge.values.dates import TEHRAN

NOW = datetime(2026, 11, 22, 18, 0, tzinfo=UTC)
STOCKS = ("freepbx", "issabel", "plain")
CUSTOM = {
    "freepbx": {
        "extensions_custom.conf",
        "manager_custom.conf",
        "http_custom.conf",
        "ari_general_custom.conf",
        "ari_additional_custom.conf",
        "cel_general_custom.conf",
    },
    "issabel": {
        "extensions_custom.conf",
        "manager_custom.conf",
        "http_custom.conf",
        "cel_general_custom.conf",
        "ari.conf",  # no program writes it there
    },
    "plain": {"extensions.conf", "manager.conf", "http.conf", "ari.conf", "cel.conf"},
}


def changes_of(folder: Folder, flavour: str) -> tuple[Change, ...]:
    return overlay_changes(an_overlay(flavour), folder, Flavour(flavour))


def a_plan(folder: Folder, flavour: str, prove: Callable[[], str] | None = None) -> Deployment:
    """Without an Asterisk: what that one says is tried in tests/integration/test_deploy_asterisk.py."""
    place = Place(etc=folder.etc, root=None, asterisk=None)
    return Deployment(
        place=place,
        flavour=Flavour(flavour),
        changes=lambda: changes_of(place.folder(), flavour),
        faults=lambda changes: faults(place.folder(), changes, app="pbx_bridge", spool=SPOOL),
        folders=(folder.etc.parent / "log" / "cel-custom",),
        prove=prove,
    )


@pytest.mark.parametrize("flavour", STOCKS)
def test_only_files_of_the_admin_are_touched_and_what_they_said_stays(tmp_path: Path, flavour: str) -> None:
    folder = lay(flavour, tmp_path / "etc")
    assert folder.flavour() is Flavour(flavour)

    changes = changes_of(folder, flavour)

    theirs = {change.name for change in changes if not change.name.startswith("pbx_bridge_")}
    assert theirs == CUSTOM[flavour] | {"cel_custom.conf"}
    for change in changes:
        assert change.after is not None
        assert change.after.startswith(change.before or b"")
    assert not faults(folder, changes, app="pbx_bridge", spool=SPOOL)


@pytest.mark.parametrize("flavour", STOCKS)
def test_deployed_twice_changes_nothing_and_rolled_back_all_is_as_before(tmp_path: Path, flavour: str) -> None:
    folder = lay(flavour, tmp_path / "etc")
    told: list[str] = []
    before = look(folder.etc)
    backups = Backups(tmp_path / "backups")

    assert deploy(a_plan(folder, flavour), backups, told.append)
    deployed = look(folder.etc)
    assert not deploy(a_plan(folder, flavour), backups, told.append)
    assert look(folder.etc) == deployed != before
    assert not any("secret-0123456789" in line for line in told)
    assert (tmp_path / "backups").stat().st_mode & 0o077 == 0

    rollback(a_plan(folder, flavour).place, backups, None, told.append)
    assert look(folder.etc) == before
    with pytest.raises(PbxError, match="nothing is deployed"):
        rollback(a_plan(folder, flavour).place, backups, None, told.append)


def test_new_settings_change_our_part_alone_and_can_be_taken_back_one_by_one(tmp_path: Path) -> None:
    folder = lay("freepbx", tmp_path / "etc")
    backups, plan = Backups(tmp_path / "backups"), a_plan(folder, "freepbx")
    looks = [look(folder.etc)]
    for numbers in ((NUMBER,), (NUMBER, "02188880002")):
        overlay = an_overlay(numbers=numbers)
        other = replace(plan, changes=lambda o=overlay: overlay_changes(o, Folder(folder.etc), Flavour.FREEPBX))  # type: ignore[misc]
        assert deploy(other, backups, lambda line: None)
        looks.append(look(folder.etc))

    changed = {name for name, was in looks[1].items() if looks[2][name] != was}
    assert changed == {"extensions_custom.conf"}
    for was in (looks[1], looks[0]):
        rollback(plan.place, backups, None, lambda line: None)
        assert look(folder.etc) == was


def test_a_file_that_was_changed_since_is_named_and_nothing_is_touched(tmp_path: Path) -> None:
    folder = lay("freepbx", tmp_path / "etc")
    before, backups, plan = look(folder.etc), Backups(tmp_path / "backups"), a_plan(folder, "freepbx")
    deploy(plan, backups, lambda line: None)
    with (folder.etc / "manager_custom.conf").open("a") as file:
        file.write("; by hand\n")
    changed = look(folder.etc)

    with pytest.raises(PbxError, match=r"manager_custom\.conf.*--force"):
        rollback(plan.place, backups, None, lambda line: None)
    assert look(folder.etc) == changed

    rollback(plan.place, backups, None, lambda line: None, force=True)
    assert look(folder.etc) == before


def test_cut_off_by_somebody_elses_edit_ours_is_taken_back_and_theirs_kept(tmp_path: Path) -> None:
    folder = lay("freepbx", tmp_path / "etc")
    told: list[str] = []
    before, backups = look(folder.etc), Backups(tmp_path / "backups")

    def agree() -> bool:
        (folder.etc / "http_custom.conf").write_text("; meanwhile\n")  # after the plan was made, before it is written
        return True

    with pytest.raises(PbxError, match="changed by somebody else"):
        deploy(replace(a_plan(folder, "freepbx"), agreed=agree), backups, told.append)

    assert {name: was for name, was in look(folder.etc).items() if name != "http_custom.conf"} == {
        name: was for name, was in before.items() if name != "http_custom.conf"
    }
    assert any(line.startswith("taking it back") for line in told)


@pytest.fixture
def interruptible() -> Iterator[None]:
    """As on a terminal, though a shell's `&` starts what it starts with SIGINT ignored."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("interruptible")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_interrupted_it_is_taken_back_at_once(tmp_path: Path, number: signal.Signals) -> None:
    folder = lay("issabel", tmp_path / "etc")
    before, backups = look(folder.etc), Backups(tmp_path / "backups")

    def say(line: str) -> None:
        if line.startswith("written"):
            assert look(folder.etc) != before
            signal.raise_signal(number)

    with pytest.raises(KeyboardInterrupt):
        deploy(a_plan(folder, "issabel"), backups, say)

    assert look(folder.etc) == before
    assert not backups.of(folder.etc, State.BEGUN, State.DONE)


def test_killed_at_any_write_the_next_one_takes_it_back_first(tmp_path: Path) -> None:
    folder = lay("issabel", tmp_path / "etc")
    before, backups, plan = look(folder.etc), Backups(tmp_path / "backups"), a_plan(folder, "issabel")
    kills = 0
    while _killed(lambda: deploy(plan, backups, lambda line: None), kills):
        kills += 1
        told: list[str] = []
        if backups.of(folder.etc, State.BEGUN):
            rollback(plan.place, backups, None, told.append)
        assert look(folder.etc) == before, kills
    assert kills > len(changes_of(Folder(folder.etc), "issabel"))  # not one write was left out
    assert not deploy(plan, backups, lambda line: None)

    assert _killed(lambda: rollback(plan.place, backups, None, lambda line: None), 2)
    rollback(plan.place, backups, None, lambda line: None)
    assert look(folder.etc) == before


def test_an_unfinished_deployment_is_taken_back_before_the_next(tmp_path: Path) -> None:
    folder = lay("plain", tmp_path / "etc")
    told: list[str] = []
    before, backups = look(folder.etc), Backups(tmp_path / "backups")
    changes = changes_of(folder, "plain")
    backup = backups.make(folder.etc, "plain", changes, NOW)
    write_changes(folder.etc, changes[:2])

    assert deploy(a_plan(folder, "plain"), backups, told.append)

    assert any("was cut off" in line for line in told)
    assert backup.manifest().state is State.ROLLED_BACK
    rollback(a_plan(folder, "plain").place, backups, None, told.append)
    assert look(folder.etc) == before


def test_a_damaged_backup_is_named_and_nothing_is_touched(tmp_path: Path) -> None:
    folder = lay("freepbx", tmp_path / "etc")
    changes = changes_of(folder, "freepbx")
    backup = Backups(tmp_path / "backups").make(folder.etc, "freepbx", changes, NOW)
    write_changes(folder.etc, changes)
    deployed = look(folder.etc)
    (backup.folder / "files" / "manager_custom.conf").write_text("")

    with pytest.raises(PbxError, match=r"manager_custom\.conf is damaged"):
        take_back(Backup(backup.folder))
    assert look(folder.etc) == deployed


@given(st.text(st.sampled_from("ab\n\r;[]é"), max_size=30), st.text(st.sampled_from("xy\n;"), min_size=1, max_size=9))
def test_a_block_goes_in_and_out_and_the_rest_stays_byte_for_byte(rest: str, block: str) -> None:
    assert without_block(with_block(rest, block), "it.conf") == rest


def test_marks_that_are_no_pair_are_refused_with_their_line() -> None:
    text = with_block("[a]\n", "b = 1\n")
    for broken in (text.replace("; <<< pbx_bridge\n", ""), text + text):
        with pytest.raises(InputError, match=r"it\.conf:2: our block begins here"):
            without_block(broken, "it.conf")
    with pytest.raises(InputError, match="no line that begins"):
        without_block("; <<< pbx_bridge\n", "it.conf")


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"numbers": ()}, "deploy.numbers"),
        ({"numbers": ("021,1,System(x)",)}, "deploy.numbers: '021,1,System"),
        ({"numbers": (NUMBER, NUMBER)}, "given twice"),
        ({"queues": ("4\n00",)}, "deploy.queues"),
        ({"queues": (), "fallback": ""}, "nobody takes callers"),
        ({"fallback": "outbound-allroutes,0912"}, "deploy.fallback"),
        ({"extensions": ("0X.",)}, "deploy.extensions"),
        ({"permit": ("0.0.0.0/0",)}, "deploy.permit"),
        ({"inbound": "a b"}, "deploy.inbound"),
        ({"ari_secret": "short"}, "a secret has"),
    ],
)
def test_settings_that_cannot_be_are_refused_by_name(change: dict[str, object], named: str) -> None:
    with pytest.raises(PbxError) as refused:
        an_overlay(**change)  # type: ignore[arg-type]
    assert named in str(refused.value)


def test_all_that_is_wrong_is_told_at_once() -> None:
    with pytest.raises(PbxError, match=r"deploy\.numbers.*deploy\.queues.*deploy\.extensions"):
        an_overlay(numbers=("x",), queues=("y z",), extensions=("*",))


def test_names_of_theirs_that_are_ours_are_refused(tmp_path: Path) -> None:
    folder = lay("freepbx", tmp_path / "etc")
    (folder.etc / "extensions_custom.conf").write_text("[pbxb-queue]\nexten => 1,1,NoOp()\n")
    (folder.etc / "manager_custom.conf").write_text("[pbx_bridge]\nsecret = other\n")
    (folder.etc / "pbx_bridge_cel_custom.conf").write_text("; of somebody\n")
    with pytest.raises(PbxError) as refused:
        changes_of(folder, "freepbx")
    assert "[pbxb-queue]" in str(refused.value)
    assert "ami.user" in str(refused.value)
    assert "pbx_bridge_cel_custom.conf is not ours" in str(refused.value)


def test_a_generated_file_without_a_place_for_settings_is_refused(tmp_path: Path) -> None:
    folder = lay("freepbx", tmp_path / "etc")
    path = folder.etc / "http.conf"
    path.write_text(path.read_text().replace("#include http_custom.conf", ""))
    with pytest.raises(PbxError, match=r"http\.conf is written by a program"):
        changes_of(Folder(folder.etc), "freepbx")


def test_the_diff_shows_no_secret_of_anybody(tmp_path: Path) -> None:
    folder = lay("freepbx", tmp_path / "etc")
    shown = "\n".join(diff(changes_of(folder, "freepbx")))
    assert "+secret = ********" in shown
    assert "secret-0123456789" not in shown
    assert "\x1b" not in shown
    assert f"+exten => {NUMBER},1,Goto(pbxb-in" in shown


@pytest.mark.parametrize("version", [Version(16, 28), Version(22, 10, 1)])
def test_what_the_pbx_lacks_is_said_and_nothing_else(tmp_path: Path, version: Version) -> None:
    folder = lay("issabel", tmp_path / "etc")
    after = {c.name: (c.after or b"").decode("latin-1") for c in _changes(folder, version)}
    assert "[general](+)\nenabled = yes\nbindaddr = 127.0.0.1\n" in after["http_custom.conf"]
    cel = parse(f"[general]\n{after['cel_general_custom.conf']}").one("general")
    assert cel.get("dateformat") == ""
    assert "stasis" in cel.get("apps")
    assert not cel.get("events")
    user = parse(after["pbx_bridge_ari.conf"]).one("pbx_bridge")
    assert bool(user.get("deny")) == (version.major > 16)  # an older res_ari does not load with it


def test_the_linter_finds_what_leads_nowhere_and_what_leads_out(tmp_path: Path) -> None:
    folder = lay("freepbx", tmp_path / "etc")
    changes = {change.name: change for change in changes_of(folder, "freepbx")}

    def told(old: str, new: str) -> str:
        was = changes["extensions_custom.conf"]
        text = (was.after or b"").replace(old.encode(), new.encode())
        assert text != was.after
        every = [*(c for c in changes.values() if c is not was), replace(was, after=text)]
        return "; ".join(faults(folder, every, app="pbx_bridge", spool=SPOOL))

    assert "without a dead-man timer" in told("Set(TIMEOUT(absolute)=10)", "NoOp()")
    assert "the context ext-nowhere, which is not there" in told("Goto(ext-queues,400", "Goto(ext-nowhere,400")
    assert "callers could dial out" in told("[pbxb-ways]\n", "[pbxb-ways]\ninclude => from-internal\n")
    assert "would lack pbxb-hold" in told("[pbxb-hold]", "[pbxb-hold-not]")


def test_odd_bytes_of_the_admin_stay(tmp_path: Path) -> None:
    folder = lay("freepbx", tmp_path / "etc")
    (change,) = (c for c in changes_of(folder, "freepbx") if c.name == "extensions_custom.conf")
    assert (change.after or b"").startswith(ODD + b"\n;")


def test_the_flow_and_the_settings_of_the_fifteen_minutes_can_be_used(tmp_path: Path) -> None:
    page = (Path(__file__).parents[2] / "docs" / "pbx.md").read_text(encoding="utf-8")
    told, flow = re.findall(r"<<END\n(.*?)^END$", page.split("## Issabel in fifteen minutes")[1], re.M | re.S)[:2]
    (tmp_path / "first.yaml").write_text(flow, encoding="utf-8")
    settings = tomllib.loads(told.replace("$PBX_BRIDGE_HOME", str(tmp_path)))
    assert flows.load(settings["ivr"]["flow"], TEHRAN, "IR").queues() == set(settings["deploy"]["queues"])
    an_overlay(**{name: tuple(value) for name, value in settings["deploy"].items()})  # type: ignore[arg-type]


def _changes(folder: Folder, version: Version) -> tuple[Change, ...]:
    return overlay_changes(an_overlay("issabel", version), folder, Flavour.ISSABEL)


def _killed(work: Callable[[], object], renames: int) -> bool:
    """Run it in a process that is killed at its nth rename, as no program can prevent; False: it came to its end."""
    pid = os.fork()
    if pid == 0:
        left = [renames]

        def watch(event: str, _: tuple[object, ...]) -> None:
            if event == "os.rename":
                left[0] -= 1
                if left[0] < 0:
                    os.kill(os.getpid(), 9)

        sys.addaudithook(watch)
        try:
            work()
        finally:
            os._exit(0)
    return os.waitpid(pid, 0)[1] != 0
