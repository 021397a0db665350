"""The words between a daemon and its successor, at their ends: who is killed, who goes on, what systemd hears."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from pbx_bridge import handover, upgrading
from pbx_bridge.app_upgrade import refuse_in_a_container
from pbx_bridge.errors import BridgeError
from pbx_bridge.handover import ACCEPT, LEFT, OFFER, READY, SERVES, Estate, Predecessor, Successor
from pbx_bridge.process import only_one, write_pid
from pbx_bridge.systemd import ALIVE
from pbx_bridge.upgrading import Stage, Told

NOBODY = "import time; time.sleep(60)"


@pytest.fixture
def old() -> Iterator[subprocess.Popen[bytes]]:
    """A process that would hand over."""
    with subprocess.Popen([sys.executable, "-c", NOBODY]) as process:
        yield process
        process.kill()


@pytest.fixture
def pair(old: subprocess.Popen[bytes]) -> Iterator[tuple[socket.socket, Predecessor]]:
    """The daemon's end, and what its successor makes of the other."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with ours, socket.create_server(("127.0.0.1", 0)) as listening, Path(os.devnull).open() as lock:
        port = listening.getsockname()[1]
        note = msgspec.json.encode(Estate(pid=old.pid, wish="w", host="127.0.0.1", port=port))
        socket.send_fds(ours, [note], [lock.fileno(), listening.fileno()])
        other = Predecessor(theirs.detach())
        yield ours, other
        other.close()
        os.close(other.lock)
        for one in other.sockets("127.0.0.1", port):
            one.close()


async def test_both_agree_and_the_pages_are_listened_for_all_the_while(
    pair: tuple[socket.socket, Predecessor], tmp_path: Path
) -> None:
    ours, other = pair
    ours.send(OFFER.encode())
    ours.send(f"{LEFT} 12.5".encode())
    assert await other.leaves() == 12.5
    assert [ours.recv(99).decode() for _ in range(2)] == [READY, ACCEPT]
    estate = other.estate
    (listening,) = other.sockets(estate.host, estate.port)
    with listening, socket.create_connection((estate.host, estate.port)):
        assert not other.sockets(estate.host, estate.port)
    other.serving(tmp_path, 0.2)
    assert ours.recv(99).decode() == SERVES
    told = msgspec.json.decode((tmp_path / "upgrade.json").read_bytes(), type=upgrading.Told)
    assert (told.stage, told.wish, told.alone_s, told.pid) == (upgrading.Stage.DONE, "w", 0.2, os.getpid())


async def test_sockets_of_another_address_are_given_up(pair: tuple[socket.socket, Predecessor]) -> None:
    assert pair[1].sockets("127.0.0.1", 1) == ()


async def test_who_hears_no_offer_leaves_the_other_alone(
    pair: tuple[socket.socket, Predecessor], old: subprocess.Popen[bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(handover, "_ANSWER_S", 0.05)
    with pytest.raises(BridgeError, match="frozen"):
        await pair[1].leaves()
    assert old.poll() is None


async def test_one_that_agreed_and_does_not_leave_is_killed(
    pair: tuple[socket.socket, Predecessor], old: subprocess.Popen[bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(handover, "_LEAVING_S", 0.05)
    pair[0].send(OFFER.encode())
    assert abs(await pair[1].leaves() - time.monotonic()) < 10
    assert await asyncio.to_thread(old.wait, 10) == -signal.SIGKILL


def test_nobody_else_takes_over() -> None:
    with Path(os.devnull).open() as null, pytest.raises(BridgeError, match="use `upgrade`"):
        Predecessor(os.dup(null.fileno()))


_SERVES = """
import sys
from pbx_bridge.handover import READY, SERVES, Predecessor
other = Predecessor(int(sys.argv[-1]))
other.news("one moment")
for word in (READY, "accept", SERVES):
    other.say(word)
"""


async def test_systemd_hears_who_is_the_service_now(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as systemd:
        systemd.bind(str(tmp_path / "notify"))
        systemd.settimeout(10)
        monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "notify"))
        monkeypatch.setenv("WATCHDOG_PID", str(os.getpid()))
        estate = Estate(pid=os.getpid(), wish="w", host="127.0.0.1", port=1)
        successor = Successor.start((sys.executable, "-c", _SERVES), estate, [systemd.fileno()])
        news: list[str] = []
        await successor.ready(news.append)
        await successor.accepts()
        assert await successor.serves()
        assert systemd.recv(100).decode() == f"MAINPID={successor.pid}\n{ALIVE}"
        assert news == ["one moment"]
        await successor.end()


_WAITS = """
import asyncio, sys
from pbx_bridge.handover import READY, Predecessor

async def gets_ready():
    other = Predecessor(int(sys.argv[-1]))
    other.watch()
    other.say(READY)
    await asyncio.sleep(60)

asyncio.run(gets_ready())
"""


async def test_one_that_gets_ready_ends_with_the_daemon() -> None:
    with socket.socket() as any_one:
        estate = Estate(pid=os.getpid(), wish="w", host="127.0.0.1", port=1)
        successor = Successor.start((sys.executable, "-c", _WAITS), estate, [any_one.fileno()])
    await successor.ready(print)
    successor.close()
    assert await asyncio.to_thread(successor._process.wait, 10) == -signal.SIGTERM


def test_one_of_a_version_that_cannot_is_told_nothing(tmp_path: Path) -> None:
    with pytest.raises(BridgeError, match="no daemon runs"):
        upgrading.ask(tmp_path / "run", ("x",), print)
    with only_one(tmp_path / "run" / "daemon.lock"):
        write_pid(tmp_path / "run" / "daemon.pid", os.getpid())  # SIGUSR2 would end us
        with pytest.raises(BridgeError, match="of a version that cannot hand over"):
            upgrading.ask(tmp_path / "run", ("x",), print)


def test_a_container_that_would_end_is_left_alone() -> None:
    refuse_in_a_container({})
    keeper = (Path(__file__).parents[2] / "tools" / "containers" / "keep.py").read_text(encoding="utf-8")
    assert "PBXB_ENDS_WITH_DAEMON" in keeper
    with pytest.raises(BridgeError, match="another image"):
        refuse_in_a_container({"PBXB_ENDS_WITH_DAEMON": "1"})


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may give a folder to another user")
def test_root_leaves_nothing_that_the_daemon_cannot_read(tmp_path: Path) -> None:
    (tmp_path / "run").mkdir()
    os.chown(tmp_path / "run", 12345, -1)
    with pytest.raises(BridgeError, match="12345"):
        upgrading.ask(tmp_path / "run", ("x",), print)
    assert list((tmp_path / "run").iterdir()) == []


@pytest.mark.parametrize("serves", [True, False])
async def test_one_that_agreed_is_waited_for_though_the_daemon_was_killed_before_it_named_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, serves: bool
) -> None:
    run, dead, looked, asked = tmp_path / "run", asyncio.Event(), asyncio.Event(), asyncio.Event()
    loop = asyncio.get_running_loop()

    def lives(_: int) -> bool:
        if dead.is_set():
            loop.call_soon_threadsafe(looked.set)
        return not dead.is_set()

    monkeypatch.setattr(upgrading, "lives", lives)
    monkeypatch.setattr(os, "kill", lambda *_: loop.call_soon_threadsafe(asked.set))
    with only_one(run / "daemon.lock"):
        write_pid(run / "daemon.pid", 7)
        upgrading.tell(run, Told(pid=7))
        asking = asyncio.create_task(asyncio.to_thread(upgrading.ask, run, ("x",), print, 20.0 if serves else 0.2))
        await asked.wait()
        wish = upgrading.take_wish(run)
        assert wish is not None
        upgrading.tell(run, Told(pid=7, stage=Stage.UNDER_WAY, wish=wish.number, words="process 8 gets ready"))
        dead.set()
        if serves:
            await looked.wait()
            upgrading.tell(run, Told(pid=8, stage=Stage.DONE, wish=wish.number))
            assert (await asking).pid == 8
        else:
            with pytest.raises(BridgeError, match="ended meanwhile"):
                await asking
