"""The named queries of queries.sql: `-- name: what it does`, then the statement.

The text is the same for SQLite and PostgreSQL: `:name` parameters, `ON CONFLICT … DO UPDATE … RETURNING`.
"""

from __future__ import annotations

import re
from importlib.resources import files

_NAME = re.compile(r"-- (\w+): \S.*")


def read(text: str) -> dict[str, str]:
    """Statements by name. Raises ValueError for a statement without a name or a name used twice."""
    queries: dict[str, str] = {}
    name = ""
    for line in text.splitlines():
        if match := _NAME.fullmatch(line):
            name = match[1]
            if name in queries:
                raise ValueError(f"two queries are called {name}")
            queries[name] = ""
        elif name:
            queries[name] += f"{line}\n"
        elif line.strip():
            raise ValueError(f"a statement without a name: {line}")
    return {name: statement.strip().rstrip(";") for name, statement in queries.items()}


def with_columns(columns: str) -> dict[str, str]:
    """The lists of calls, `page_calls` and its like, with the columns to be read."""
    return {name: text.format(columns=columns) for name, text in SQL.items() if "{columns}" in text}


SQL = read(files("pbx_bridge.store").joinpath("queries.sql").read_text(encoding="utf-8"))
