"""Configuration folders as companies have them, to deploy into: FreePBX's, Issabel's, a plain one."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from pbx_bridge.deploy.folder import Folder
from pbx_bridge.deploy.overlay import Overlay
from pbx_bridge.pbx.version import Version

STOCK = Path(__file__).parent / "data" / "pbx"
NUMBER = "02188880000"
# An admin's own: no UTF-8, DOS line ends, no end of the last line.
ODD = b"[from-internal-custom]\r\n; d\xe9jeuner\r\nexten => 1234,1,Answer()\r\n same => n,Echo()"
PLAIN = {
    "asterisk.conf": "[directories](!)\nastlogdir => /var/log/asterisk\n",
    "extensions.conf": "[general]\nstatic = yes\n\n[incoming]\nexten => 100,1,Answer()\n\n"
    "[phones]\nexten => _2XX,1,Dial(PJSIP/${EXTEN})",
    "manager.conf": "[general]\nenabled = no\n",
    "http.conf": "[general]\n;enabled = yes\n",
    "ari.conf": "[general]\nenabled = yes\n",
    "cel.conf": "[general]\n;enable = yes\n\n[manager]\n;enabled = yes\n",
}
PORTS = {"@AMI@": "5038", "@HTTP@": "8088", "@SIP@": "5060", "@RTP@": "12000", "@RTPEND@": "12999"}

NOW = Version(22, 10, 1)


def lay_stock(flavour: str, etc: Path, ports: dict[str, str] | None = None) -> Path:
    """A stock folder, with its ports put in."""
    shutil.copytree(STOCK / flavour, etc)
    for path in etc.iterdir():
        text = path.read_text(encoding="utf-8")
        for mark, port in {**PORTS, **(ports or {})}.items():
            text = text.replace(mark, port)
        path.write_text(text, encoding="utf-8")
        path.chmod(0o664)
    (etc / "extensions_custom.conf").write_bytes(ODD)
    (etc / "manager_custom.conf").chmod(0o640)
    return etc


def lay_plain(etc: Path) -> Path:
    """A plain folder; there is no cel_custom.conf yet."""
    etc.mkdir()
    for name, text in PLAIN.items():
        (etc / name).write_text(text, encoding="utf-8")
    return etc


def lay(flavour: str, etc: Path) -> Folder:
    """A folder of that flavour."""
    return Folder(lay_plain(etc) if flavour == "plain" else lay_stock(flavour, etc))


def look(etc: Path) -> dict[str, tuple[bytes, int, int, int]]:
    """Every file: bytes, mode, owner, group."""
    files = (path for path in sorted(etc.rglob("*")) if path.is_file())
    return {
        str(path.relative_to(etc)): (path.read_bytes(), (s := os.stat(path)).st_mode, s.st_uid, s.st_gid)
        for path in files
    }


def an_overlay(flavour: str = "freepbx", version: Version = NOW, **changes: object) -> Overlay:
    """What the tests lay over them."""
    values: dict[str, object] = {
        "version": version,
        "numbers": (NUMBER,),
        "queues": ("400",),
        "ari_secret": "ari-secret-0123456789",
        "ami_secret": "ami-secret-0123456789",
        "sounds": "/srv/sounds",
        "systemname": "pbx1",
        "inbound": "incoming",
        "internal": "phones" if flavour == "plain" else "from-internal",
        "fallback": "phones,201" if flavour == "plain" else "ext-queues,400",
        "extensions": ("2XX",),
    }
    return Overlay(**{**values, **changes})  # type: ignore[arg-type]
