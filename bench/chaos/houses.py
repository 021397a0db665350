"""What must be laid before the daemon starts, for the faults that need it. CannotMeasure: not on this machine."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

from bench.chaos.names import ADDRESS, name_server
from bench.chaos.paper import lay_paper
from bench.chaos.scene import Scene
from bench.figure import CannotMeasure

HOST = "pbx.chaos.test"
_DISK_MB = 24
_FAKETIME = "faketime/libfaketimeMT.so.1"


@asynccontextmanager
async def small_disk(scene: Scene) -> AsyncIterator[None]:
    """The store on a disk of its own, a small tmpfs."""
    folder = disk_of(scene)
    folder.mkdir()
    words = ["mount", "-t", "tmpfs", "-o", f"size={_DISK_MB}m", "tmpfs", str(folder)]
    _must(words, "this user may not mount a tmpfs")
    try:
        store = scene.running.store
        for path in store.parent.glob(f"{store.name}*"):
            shutil.move(path, folder / path.name)
        store.symlink_to(folder / store.name)
        yield
    finally:
        _must(["umount", "--lazy", str(folder)], "it stays mounted")


def disk_of(scene: Scene) -> Path:
    """The small disk's folder."""
    return scene.folder / "disk"


@asynccontextmanager
async def own_clock(scene: Scene) -> AsyncIterator[None]:
    """The daemon's clock by libfaketime; its timers go by another, which no one sets."""
    set_clock(scene, 0)
    scene.running.extra |= {
        "LD_PRELOAD": _library(),
        "FAKETIME_TIMESTAMP_FILE": str(scene.folder / "clock"),
        "FAKETIME_CACHE_DURATION": "1",
        "FAKETIME_DONT_FAKE_MONOTONIC": "1",
    }
    yield


def _library() -> str:
    for path in Path("/usr/lib").glob(f"*/{_FAKETIME}"):
        return str(path)
    raise CannotMeasure("libfaketime is not installed: apt-get install faketime")


def set_clock(scene: Scene, offset_s: int) -> None:
    """From within a second on the daemon's clock is so far off."""
    (scene.folder / "clock").write_text(f"{offset_s:+d}\n")


@asynccontextmanager
async def over_tls(scene: Scene) -> AsyncIterator[None]:
    """ARI over TLS, with a certificate that ends by itself while callers call."""
    remote = scene.system.pbx.plan.remote
    if remote is None:
        raise CannotMeasure("this Asterisk has no door over TLS")
    issuer = lay_paper(scene.system.pbx, good=True)
    scene.ari.far_port = remote.ari_port
    scene.running.extra |= {
        "PBX_BRIDGE_ARI__URL": f"https://127.0.0.1:{scene.ari.port}/ari",
        "PBX_BRIDGE_ARI__CA_FILE": str(issuer),
    }
    yield


@asynccontextmanager
async def by_name(scene: Scene) -> AsyncIterator[None]:
    """The PBX by a name, which the daemon asks of a server of ours: in a mount namespace with another resolv.conf."""
    conf = scene.folder / "resolv.conf"
    conf.write_text(f"nameserver {ADDRESS}\n")
    _must([*_namespace(conf), "true"], "this user may have no namespace of mounts")
    try:
        async with name_server() as scene.names:
            scene.running.under = _namespace(conf)
            scene.running.extra |= {
                "PBX_BRIDGE_ARI__URL": f"http://{HOST}:{scene.ari.port}/ari",
                "PBX_BRIDGE_AMI__HOST": HOST,
                "PBX_BRIDGE_AMI__PORT": str(scene.ami.port),
            }
            yield
    except PermissionError as error:
        raise CannotMeasure(f"this user may not serve names: {error}") from error


def _must(words: Sequence[str], otherwise: str) -> None:
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    if done.returncode:
        raise CannotMeasure(f"{otherwise}: {done.stderr.strip()}")


def _namespace(conf: Path) -> tuple[str, ...]:
    mount = 'mount --bind "$1" /etc/resolv.conf && shift && exec "$@"'
    return ("unshare", "--mount", "sh", "-c", mount, "sh", str(conf))
