"""Two numbers of one house on a real Asterisk: each has its flow; a trunk's way of writing callers is read."""

from __future__ import annotations

import pytest
from harness.own_flow import running_flow
from harness.system import Caller, SystemUnderTest
from private_pbx import PbxUnderTest

from pbx_bridge.calls.facts import StepKind

pytestmark = [pytest.mark.asterisk, pytest.mark.timeout(180)]

FLOW = """
flow: {name}
languages: [{language}]
start: who
person: person
filler: one_moment
nodes:
  who: {{kind: caller, found: hello, unknown: hello, unavailable: hello}}
  hello: {{kind: menu, prompt: {prompt}, keys: {{"1": end}}, wrong: menu_wrong, too_many: end, wait: 20}}
  person: {{kind: queue, queue: support, nobody: end, timeout: end}}
  end: {{kind: hang_up}}
"""
SETTINGS = """
[[numbers.inbound]]
trunk = "trunk"
match = "77*"
strip = 2
[pbx.numbers.02188880002]
flow = "{sales}"
"""
SARA = "09125550202"


def flow_of(name: str, language: str, prompt: str) -> str:
    return FLOW.format(name=name, language=language, prompt=prompt)


async def record(system: SystemUnderTest, caller: Caller) -> dict[str, object]:
    told = await system.record_of(caller)
    started = next(step["data"] for step in told["steps"] if step["kind"] == StepKind.STARTED)
    said = next(step["data"]["language"] for step in told["steps"] if step["kind"] == StepKind.SAID)
    return {**{name: told[name] for name in ("caller", "called", "customer_code")}, **started, "language": said}


async def test_each_number_has_its_flow_and_its_releases(pbx: PbxUnderTest) -> None:
    sales = pbx.home / "sales.yaml"
    sales.write_text(flow_of("shop", "en", "choose_language"), encoding="utf-8")
    main = flow_of("house", "fa", "after_status")
    async with running_flow(pbx, main, SETTINGS.format(sales=sales)) as system:
        await system.import_crm(
            customers="code,name,language,tier\nN-1,Aria,fa,", contacts=f"customer_code,name,phone\nN-1,Sara,{SARA}"
        )
        async with system.caller(f"77{SARA[1:]}", to="02188880002") as inside, system.caller(SARA) as other:
            await inside.hears("choose_language")
            await other.hears("after_status")
            sales.write_text(flow_of("shop", "en", "goodbye"), encoding="utf-8")
            told = await system.command("flow", "deploy", str(sales), "--line", "sales")
            assert "line sales: new callers meet it now" in told
            async with system.caller("+98", to="00982188880002") as newcomer:
                await newcomer.hears("goodbye")
            async with system.caller(SARA, to="02188880003") as again:
                await again.hears("after_status")
        known = {"caller": SARA[1:], "customer_code": "N-1", "language": "en", "flow": "shop"}
        first, third = await record(system, inside), await record(system, newcomer)
        assert first == {**first, **known, "called": "02188880002"}
        assert third == {**third, "customer_code": "", "flow": "shop", "called": "00982188880002"}
        assert third["version"] != first["version"]
        for caller, called in ((other, "100"), (again, "02188880003")):
            told_of = await record(system, caller)
            assert told_of == {**told_of, "flow": "house", "language": "fa", "called": called, "customer_code": "N-1"}
        assert (await record(system, again))["version"] == (await record(system, other))["version"]
        assert "N-1 Aria" in await system.command("numbers", "try", f"77{SARA[1:]}", "--trunk", "trunk")
