"""The house of the scenes: the shipped configuration with short times, and numbers and queues beside it.

Each stage has numbers, queues and agents of its own, so that scenes can be played side by side.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from own_ports import own_port
from private_pbx import PbxUnderTest, private_pbx

NODE = "pbx1"
STAGES = (1, 2, 3)
PEOPLE = (1, 2, 3)
AGENTS = tuple(f"1{stage}{person}" for stage in STAGES for person in PEOPLE)
_LAB = """
[from-trunk](+)
{numbers}
[lab-keys{n}]
exten => 9,1,Hangup()
"""
# What each number of a stage does; `{n}` is the stage. Queues stand behind a NoOp, as in the shipped dialplan.
_NUMBERS = {
    "menu": "Answer()|Stasis({app},in,menu)",
    "direct": "Goto(from-agents,1{n}1,1)",
    "both": "Dial(PJSIP/1{n}1&PJSIP/1{n}2,20)",
    "all": "Answer()|Gosub(pbxb-record,inbound,1)|NoOp()|Queue(all{n},cCi,,,20)|NoOp()",
    "line": "Answer()|Gosub(pbxb-record,inbound,1)|NoOp()|Queue(line{n},cCi,,,20)|NoOp()",
    "short": "Answer()|NoOp()|Queue(line{n},cCi,,,4)|NoOp()",
    "box": "Answer()|NoOp()|Queue(all{n},cCi,,,2)|NoOp()|Goto(pbxb-mailbox,s,1)",
    "twice": "Answer()|NoOp()|Queue(all{n},cCi,,,2)|Wait(0.5)|Queue(line{n},cCi,,,20)|NoOp()",
    "local": "Answer()|NoOp()|Queue(local{n},cCi,,,20)|NoOp()",
    "localn": "Answer()|NoOp()|Queue(localn{n},cCi,,,20)|NoOp()",
    "after": "Answer()|NoOp()|Queue(line{n},cCi,,,20)|Stasis({app},queue_return,line{n},CONTINUE)",
}
_QUEUES = {
    "all": ("ringall", ["PJSIP/1{n}1,0,1{n}1,PJSIP/1{n}1", "PJSIP/1{n}2,0,1{n}2,PJSIP/1{n}2"]),
    "line": ("linear", ["PJSIP/1{n}1,0,1{n}1,PJSIP/1{n}1", "PJSIP/1{n}2,0,1{n}2,PJSIP/1{n}2"]),
    "local": ("ringall", [f"Local/1{{n}}{p}@pbxb-forward,0,1{{n}}{p},PJSIP/1{{n}}{p}" for p in (1, 2)]),
    "localn": ("ringall", [f"Local/1{{n}}{p}@pbxb-forward/n,0,1{{n}}{p},PJSIP/1{{n}}{p}" for p in (1, 2)]),
}


def number_of(stage: int, name: str) -> str:
    """The number that does what `name` says on that stage."""
    return f"2{stage}{list(_NUMBERS).index(name)}"


def lab_dialplan(stage: int, app: str) -> str:
    """The numbers of a stage, beside the shipped ones."""
    lines = []
    for name, steps in _NUMBERS.items():
        first, *rest = [*steps.format(n=stage, app=app).split("|"), "Hangup()"]
        lines += [f"exten => {number_of(stage, name)},1,{first}", *(f" same => n,{step}" for step in rest)]
    return _LAB.format(numbers="\n".join(lines), n=stage)


def lab_queues(stage: int) -> str:
    """The queues of a stage: short rings, so that a scene takes seconds."""
    text = []
    for name, (strategy, members) in _QUEUES.items():
        text += [f"[{name}{stage}]", f"strategy = {strategy}", "timeout = 2", "retry = 1", "ringinuse = no"]
        text += ["joinempty = paused,unavailable,invalid,unknown", "leavewhenempty = unavailable,invalid,unknown"]
        text += [f"context = lab-keys{stage}", *(f"member => {member.format(n=stage)}" for member in members)]
    return "\n".join([*text, ""])


@contextmanager
def scene_pbx() -> Iterator[PbxUnderTest]:
    """The shipped configuration with short times, and the stages' numbers beside it; not started."""
    trunk = f"127.0.0.1:{own_port()}"
    with private_pbx(AGENTS, systemname=NODE, trunk=trunk, ring_s=3, dial_s=3, park_s=3) as pbx:
        for stage in STAGES:
            _append(pbx.paths.etc / "extensions.conf", lab_dialplan(stage, pbx.plan.app))
            _append(pbx.paths.etc / "queues.conf", lab_queues(stage))
        yield pbx


def _append(file: Path, text: str) -> None:
    with file.open("a", encoding="utf-8") as out:
        out.write("\n" + text)
