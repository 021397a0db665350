"""Supervision with small programs: started, started again, stopped in order, found again, and never two runs."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from pathlib import Path

import pytest

from pbx_bridge.errors import PbxError, PortTaken
from pbx_bridge.pbx.child import ChildSpec, end_leftover, is_ours, read_pid, start
from pbx_bridge.pbx.ports import Address, check_free
from pbx_bridge.pbx.steps import Steps
from pbx_bridge.pbx.supervise import Keeper, Kept, delay
from pbx_bridge.process import write_pid

SERVE = """
import signal, sys, time
signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
open(sys.argv[1], "w").close()
while True: time.sleep(0.01)
"""
STUBBORN = """
import signal, sys, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
open(sys.argv[1], "w").close()
while True: time.sleep(0.01)
"""
HANDS_OVER = """
import os, signal, subprocess, sys, time
run = [sys.executable, "-c", sys.argv[1], sys.argv[2]]
def hand_over(*_):
    heir = subprocess.Popen(run)
    with open(sys.argv[3] + ".new", "w") as file: file.write(str(heir.pid))
    os.replace(sys.argv[3] + ".new", sys.argv[3])
    os._exit(0)
signal.signal(signal.SIGUSR2, hand_over)
open(sys.argv[2], "w").close()
while True: time.sleep(0.01)
"""
FAIL = """
import sys
print("working on it", flush=True)
print("pbx-bridge: unknown setting web.prot; did you mean port?", file=sys.stderr)
sys.exit(1)
"""


def program(folder: Path, text: str, name: str = "it", stop_s: float = 5.0) -> Kept:
    """A program that serves once its flag file exists."""
    flag = folder / f"{name}.flag"
    flag.unlink(missing_ok=True)

    async def ready() -> bool:
        return flag.exists()

    spec = ChildSpec(
        name=name,
        command=[sys.executable, "-c", text, str(flag)],
        environment=dict(os.environ),
        log=folder / f"{name}.log",
        pid_file=folder / "run" / f"{name}.pid",
        stop_s=stop_s,
        mark=(str(flag),),
    )
    return Kept(spec=spec, ready=ready, ready_s=10)


@asynccontextmanager
async def watched(keeper: Keeper, *programs: Kept) -> AsyncIterator[None]:
    task = asyncio.create_task(keeper.watch(programs))
    try:
        yield
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
        await keeper.stop()


async def until(true: Callable[[], bool]) -> None:
    async with asyncio.timeout(10):
        while not true():  # noqa: ASYNC110 - other processes set no events
            await asyncio.sleep(0.005)


async def test_a_program_is_started_and_stopped(tmp_path: Path) -> None:
    kept = program(tmp_path, SERVE)
    keeper = Keeper(lambda line: None)
    await keeper.start(kept)
    pid = read_pid(kept.spec.pid_file)
    assert pid is not None
    assert is_ours(pid, kept.spec.mark)

    await keeper.stop()

    assert not is_ours(pid, kept.spec.mark)
    assert not kept.spec.pid_file.exists()


async def test_a_killed_program_is_back_within_two_seconds(tmp_path: Path) -> None:
    kept, said = program(tmp_path, SERVE), list[str]()
    keeper = Keeper(said.append)
    await keeper.start(kept)
    loop = asyncio.get_running_loop()
    async with watched(keeper, kept):
        for _ in range(2):
            pid, begun = read_pid(kept.spec.pid_file), loop.time()
            assert pid is not None
            os.kill(pid, signal.SIGKILL)
            await until(lambda old=pid: read_pid(kept.spec.pid_file) not in (old, None))  # type: ignore[misc]
            assert loop.time() - begun < 2
            await until(lambda: bool(said) and said[-1] == "it is back")
            said.append("")
    assert any("killed by SIGKILL" in line for line in said)


async def test_whoever_took_over_is_watched_and_stopped_in_its_place(tmp_path: Path) -> None:
    plain, said = program(tmp_path, SERVE), list[str]()
    flag, pid_file = plain.spec.mark[0], plain.spec.pid_file
    command = [sys.executable, "-c", HANDS_OVER, SERVE, flag, str(pid_file)]
    kept, keeper = replace(plain, spec=replace(plain.spec, command=command)), Keeper(said.append)
    await keeper.start(kept)
    pids = [0]

    async def another() -> int:
        """Whose process id stands there next."""
        await until(lambda: read_pid(pid_file) not in (pids[-1], None))
        pids.append(read_pid(pid_file) or 0)
        return pids[-1]

    async with watched(keeper, kept):
        os.kill(await another(), signal.SIGUSR2)
        heir = await another()
        await until(lambda: f"it handed over to process {heir}" in said)
        os.unlink(flag)
        os.kill(heir, signal.SIGKILL)
        os.kill(await another(), 0)
        await until(lambda: "it is back" in said)
        os.kill(pids[-1], signal.SIGUSR2)
        last = await another()
    assert not is_ours(last, plain.spec.mark)


async def test_what_fails_at_the_first_start_says_its_last_line(tmp_path: Path) -> None:
    keeper = Keeper(lambda line: None)
    with pytest.raises(PbxError, match=r"exit status 1: pbx-bridge: unknown setting web\.prot; did you mean port\?"):
        await keeper.start(program(tmp_path, FAIL))
    await keeper.stop()


async def test_what_never_serves_is_said_with_its_log(tmp_path: Path) -> None:
    async def never() -> bool:
        return False

    kept = Kept(spec=program(tmp_path, SERVE).spec, ready=never, ready_s=0.1)
    keeper = Keeper(lambda line: None)
    with pytest.raises(PbxError, match=r"does not serve after 0\.1 s; see .*it\.log"):
        await keeper.start(kept)
    await keeper.stop()


async def test_stopping_goes_in_reverse_and_kills_what_does_not_listen(tmp_path: Path) -> None:
    said: list[str] = []
    keeper = Keeper(said.append)
    await keeper.start(program(tmp_path, STUBBORN, "first", stop_s=0.2))
    second = program(tmp_path, SERVE, "second")
    await keeper.start(second)
    pid = read_pid(second.spec.pid_file)
    assert pid is not None
    os.kill(pid, signal.SIGSTOP)  # frozen: it must hear SIGTERM all the same

    await keeper.stop()

    assert said == ["stopping second", "stopping first"]


def test_delays_grow_but_the_first_are_short() -> None:
    assert all(delay(count) <= 1 for count in range(4))
    assert [delay(count) for count in range(50)] == sorted(delay(count) for count in range(50))
    assert delay(1000) == 10


async def test_a_program_that_is_not_there(tmp_path: Path) -> None:
    spec = ChildSpec(
        name="nothing",
        command=[str(tmp_path / "none")],
        environment={},
        log=tmp_path / "log",
        pid_file=tmp_path / "pid",
    )
    with pytest.raises(PbxError, match="cannot start nothing"):
        await start(spec)


async def test_a_leftover_is_ended_and_a_reused_pid_is_not(tmp_path: Path) -> None:
    kept = program(tmp_path, SERVE)
    child = await start(kept.spec)
    await until((tmp_path / "it.flag").exists)
    waiting = asyncio.create_task(child.wait())

    assert await asyncio.to_thread(end_leftover, kept.spec)
    assert await waiting is not None
    assert not await asyncio.to_thread(end_leftover, kept.spec)

    write_pid(kept.spec.pid_file, os.getpid())
    assert not await asyncio.to_thread(end_leftover, kept.spec)
    assert not kept.spec.pid_file.exists()


def test_a_pid_file_that_is_no_number(tmp_path: Path) -> None:
    (tmp_path / "pid").write_text("not a number")
    assert read_pid(tmp_path / "pid") is None


@pytest.mark.parametrize("transport", ["tcp", "udp"])
def test_a_taken_port_is_named_with_its_holder(transport: str) -> None:
    kind = socket.SOCK_STREAM if transport == "tcp" else socket.SOCK_DGRAM
    with socket.socket(socket.AF_INET, kind) as holder:
        holder.bind(("127.0.0.1", 0))
        if kind == socket.SOCK_STREAM:
            holder.listen()
        port = holder.getsockname()[1]
        address = Address(what="SIP", host="127.0.0.1", port=port, transport=transport)  # type: ignore[arg-type]
        with pytest.raises(PortTaken, match=rf"127\.0\.0\.1:{port} .*for SIP.* by .*pid {os.getpid()}"):
            check_free([address])
    check_free([address])


def test_steps_are_numbered_and_timed() -> None:
    said: list[str] = []
    steps = Steps(2, said.append)
    with steps.step("first") as step:
        step.tell("a")
        step.tell("b comes too fast")
        step.result = "done"
    with steps.step("second"):
        pass
    assert said == ["[1/2] first", "      a", "      done, 0.0 s", "[2/2] second", "      0.0 s"]


ORPHAN = """
import subprocess, sys
child = subprocess.Popen(["setpriv", "--pdeathsig", "TERM", "sleep", "300"])
print(child.pid, flush=True)
sys.stdin.read()
"""


async def test_a_child_dies_with_a_parent_that_was_killed() -> None:
    pipe = asyncio.subprocess.PIPE
    parent = await asyncio.create_subprocess_exec(sys.executable, "-c", ORPHAN, stdin=pipe, stdout=pipe)
    assert parent.stdout is not None
    pid = int(await parent.stdout.readline())
    try:
        # setpriv asks for the signal before it becomes sleep; a parent killed earlier would leave an orphan.
        await until(lambda: is_ours(pid, ["sleep"]) and not is_ours(pid, ["setpriv"]))
        parent.kill()
        await parent.communicate()
        await until(lambda: not is_ours(pid, ["sleep"]))
    finally:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


async def test_a_program_that_does_not_stir_is_killed_and_started_again(tmp_path: Path) -> None:
    kept = program(tmp_path, SERVE)
    frozen: set[int] = set()

    async def alive() -> bool:
        return read_pid(kept.spec.pid_file) not in frozen

    said: list[str] = []
    keeper = Keeper(said.append)
    asked = replace(kept, alive=alive, alive_s=0.01)
    await keeper.start(asked)
    first = read_pid(kept.spec.pid_file)
    assert first is not None
    os.kill(first, signal.SIGSTOP)
    async with watched(keeper, asked):
        frozen.add(first)
        await until(lambda: read_pid(kept.spec.pid_file) not in (None, first))
        await until(lambda: "it is back" in said)
    assert "it runs but does not stir: killing it" in said


def test_a_killed_program_is_never_kept_waiting() -> None:
    assert all(delay(lives, killed=True) <= 1.0 for lives in range(20))
    assert delay(0, killed=True) == delay(0)
