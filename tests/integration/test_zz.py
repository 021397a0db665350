import pytest, asyncio, time, json
from harness.customers import *
from harness.proof import witness, clip_texts, Witness
pytestmark = pytest.mark.asterisk
async def test_x(system, monkeypatch):
    log=[]
    old=Witness.take
    def take(self, e):
        if "playback" in e: log.append((e["type"], {k:(v[-24:] if k!='id' else v[-4:]) for k,v in e["playback"].items() if isinstance(v,str)}))
        old(self,e)
    monkeypatch.setattr(Witness,"take",take)
    async with witness(system.pbx) as seen, system.caller(PERSIAN) as c:
        await c.call.answered()
        await c.hears("welcome"); await c.hears("menu"); await asyncio.sleep(6)
    for l in log: print(l)
