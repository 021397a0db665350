"""Whether a deployment works: our users are let in, and a call comes by the inbound way to the menu and on record.

The call is made inside Asterisk, from one end of a Local channel to the other: no trunk, no phone, nobody is rung
unless the daemon is away, and then for a moment.
"""

from __future__ import annotations

import asyncio
import csv
import secrets
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import aiohttp

from pbx_bridge.ami.connection import AmiConnection
from pbx_bridge.errors import AsteriskError, PbxError

_LIMIT_S = 5.0
_CALL_S = 12.0
_READY_S = 10.0
_POLL_S = 0.05
_CALLER = "09120000000"


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Proof:
    """What to try. Never printed: it holds secrets.

    Attributes:
        ari: the address of ARI, as `http://127.0.0.1:8088/ari`.
        context, number: the inbound way.
        spool: the CEL spool, where the call must appear.
    """

    ari: str
    ari_user: str
    ari_secret: str
    ami_host: str
    ami_port: int
    ami_user: str
    ami_secret: str
    context: str
    number: str
    app: str
    spool: Path


def prove(proof: Proof) -> str:
    """Try it; what was seen, for people. Raises PbxError saying what does not work."""
    return asyncio.run(_prove(proof))


async def _prove(proof: Proof) -> str:
    try:
        (await AmiConnection.open(proof.ami_host, proof.ami_port, proof.ami_user, proof.ami_secret)).close()
    except AsteriskError as error:
        raise PbxError(f"AMI does not let our user in: {error}") from error
    auth = {"Authorization": aiohttp.encode_basic_auth(proof.ari_user, proof.ari_secret)}
    limit = aiohttp.ClientTimeout(total=_LIMIT_S)
    try:
        async with aiohttp.ClientSession(headers=auth, timeout=limit) as session:
            await _await_ari(session, proof.ari)
            return await _call(session, proof)
    except (aiohttp.ClientError, TimeoutError) as error:
        raise PbxError(f"ARI does not answer at {proof.ari}: {error}") from error


async def _await_ari(session: aiohttp.ClientSession, url: str) -> None:
    """HTTP opens a moment after it was told to. Raises PbxError when our user is refused."""
    deadline = time.monotonic() + _READY_S
    while True:
        try:
            async with session.get(f"{url}/asterisk/info") as answer:
                if answer.status == 200:
                    return
                status = answer.status
        except aiohttp.ClientError:
            if time.monotonic() > deadline:
                raise
            status = 0
        if time.monotonic() > deadline:
            raise PbxError(f"ARI at {url} answers {status} to our user")
        await asyncio.sleep(_POLL_S)


async def _call(session: aiohttp.ClientSession, proof: Proof) -> str:
    near, far = (f"pbxb-try-{secrets.token_hex(6)}" for _ in range(2))
    start = proof.spool.stat().st_size if proof.spool.exists() else 0
    asked = {
        "endpoint": f"Local/{proof.number}@{proof.context}/n",
        "context": "pbxb-try",
        "extension": "s",
        "priority": 1,
        "callerId": f"try <{_CALLER}>",
        "channelId": near,
        "otherChannelId": far,
    }
    async with session.get(f"{proof.ari}/applications/{proof.app}") as answer:
        served = answer.status == 200  # a daemon listens
    async with session.post(f"{proof.ari}/channels", json=asked) as answer:
        if answer.status >= 300:
            raise PbxError(f"ARI did not place the test call to {proof.number}@{proof.context}: {answer.status}")
    try:
        return await _seen(proof, far, start, served)
    finally:
        for channel in (near, far):
            async with session.delete(f"{proof.ari}/channels/{channel}"):
                pass  # 404: it is over


async def _seen(proof: Proof, channel: str, start: int, served: bool) -> str:
    """What the spool tells of the far end's channel. Without a daemon, Stasis() is left again at once."""
    deadline = time.monotonic() + _CALL_S
    rows: Sequence[Sequence[str]] = ()
    while time.monotonic() < deadline:
        rows = [row for row in _rows(proof.spool, start) if channel in row]
        menu = any("Stasis" in row and f"{proof.app},in," in ",".join(row) for row in rows)
        person = any('"fallback"' in cell for row in rows for cell in row)
        if menu and (served or person):
            where = "came to the menu" if served else "went to a person, as no daemon runs"
            return f"a call to {proof.number} {where}, and its rows are in the CEL spool"
        await asyncio.sleep(_POLL_S)
    if not rows:
        raise PbxError(f"a call to {proof.number}@{proof.context} left no row in {proof.spool}")
    raise PbxError(f"a call to {proof.number}@{proof.context} did not come to the menu, nor to anybody else")


def _rows(spool: Path, start: int) -> list[list[str]]:
    """What was written since."""
    if not spool.exists():
        return []
    with spool.open(encoding="utf-8", errors="replace", newline="") as file:
        file.seek(start)
        return list(csv.reader(file))
