"""Style, script, fonts: read once, served from memory under an address that changes with their content."""

from __future__ import annotations

import gzip
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from aiohttp import web

from pbx_bridge.web.permits import open_to_all

_FOLDER = Path(__file__).with_name("static")
_TYPES = {
    ".css": "text/css",
    ".js": "text/javascript",
    ".svg": "image/svg+xml",
    ".woff2": "font/woff2",
    ".txt": "text/plain",
}
_FOR_EVER = "public, max-age=31536000, immutable"


@dataclass(frozen=True, slots=True, kw_only=True)
class Assets:
    """Every file by name, and the version of them all; `packed`: gzipped, where that makes them smaller."""

    files: Mapping[str, bytes]
    version: str
    packed: Mapping[str, bytes]

    def url(self, name: str) -> str:
        """Where a file is served. Raises KeyError for a name that is not there."""
        if name not in self.files:
            raise KeyError(name)
        return f"/static/{self.version}/{name}"


def load(folder: Path = _FOLDER) -> Assets:
    """Read the folder."""
    files = {path.name: path.read_bytes() for path in sorted(folder.iterdir()) if path.suffix in _TYPES}
    seal = hashlib.sha256()
    for name, content in files.items():
        seal.update(name.encode() + b"\0" + content)
    packed = {name: gzip.compress(content, 9, mtime=0) for name, content in files.items() if _is_text(name)}
    return Assets(files=files, version=seal.hexdigest()[:12], packed=packed)


def _is_text(name: str) -> bool:
    return name.endswith((".css", ".js", ".svg", ".txt"))


def takes_gzip(request: web.Request) -> bool:
    """Whether a browser takes what is sent packed."""
    for part in request.headers.get("Accept-Encoding", "").split(","):
        coding, _, weight = part.partition(";")
        if coding.strip() == "gzip":
            return "".join(weight.split()) not in ("q=0", "q=0.0")
    return False


def routes(assets: Assets) -> list[web.RouteDef]:
    """One route for all of them."""

    @open_to_all
    async def send(request: web.Request) -> web.Response:
        name = request.match_info["name"]
        if name not in assets.files:
            raise web.HTTPNotFound
        fresh = request.match_info["version"] == assets.version
        headers = {"Cache-Control": _FOR_EVER if fresh else "no-cache", "Vary": "Accept-Encoding"}
        packed = assets.packed.get(name) if takes_gzip(request) else None
        if packed is not None:
            headers["Content-Encoding"] = "gzip"
        return web.Response(
            body=assets.files[name] if packed is None else packed,
            content_type=_TYPES[Path(name).suffix],
            charset="utf-8" if _is_text(name) else None,
            headers=headers,
        )

    return [web.get("/static/{version}/{name}", send)]
