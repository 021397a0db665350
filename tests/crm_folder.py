"""CRM folders for tests: the rows of each file, without its first line."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from pbx_bridge.store import Store
from pbx_bridge.store.crm_import import Imported, import_folder
from pbx_bridge.store.crm_rows import COLUMNS


def write_files(folder: Path, files: Mapping[str, str]) -> Path:
    """The folder with these files and no others."""
    folder.mkdir(exist_ok=True)
    for name, columns in COLUMNS.items():
        (folder / name).unlink(missing_ok=True)
        if (rows := files.get(name.removesuffix(".csv"))) is not None:
            (folder / name).write_text(f"{','.join(columns)}\n{rows}\n", encoding="utf-8")
    return folder


async def import_files(store: Store, folder: Path, files: Mapping[str, str]) -> Imported:
    """Import these rows."""
    return await import_folder(store.writer, write_files(folder / "crm", files))
