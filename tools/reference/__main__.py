"""`python -m tools.reference [--check]`: write docs/reference anew, or say whether it is as the code has it."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

from tools.reference import api_page, commands_page, exits_page, metrics_page, settings_page

FOLDER = Path(__file__).parents[2] / "docs" / "reference"
PAGES: Mapping[str, Callable[[], str]] = {
    "settings.md": settings_page.render,
    "commands.md": commands_page.render,
    "exit-statuses.md": exits_page.render,
    "metrics.md": metrics_page.render,
    "api.md": api_page.render,
}


def differing(folder: Path = FOLDER) -> dict[str, str]:
    """The pages that are not there as the code has them, each as it should be."""
    made = {name: render().rstrip() + "\n" for name, render in PAGES.items()}
    return {name: text for name, text in made.items() if _on_disk(folder / name) != text}


def _on_disk(path: Path) -> str:
    return path.read_text(encoding="utf-8") if path.exists() else ""


def main() -> int:
    """Exit status: 0; with --check 1 if a page is not as the code has it; 1 if the code lacks words."""
    parser = argparse.ArgumentParser(prog="python -m tools.reference", description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing")
    check: bool = parser.parse_args().check
    try:
        found = differing()
    except ValueError as error:
        print(f"reference: {error}", file=sys.stderr)
        return 1
    FOLDER.mkdir(exist_ok=True)
    for name, text in found.items():
        if not check:
            (FOLDER / name).write_text(text, encoding="utf-8")
        print(f"docs/reference/{name}: {'differs' if check else 'written'}")
    return 1 if check and found else 0


if __name__ == "__main__":
    sys.exit(main())
