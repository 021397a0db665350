"""What the comment at a field of a class says: behind it on its line, or alone on the lines right above."""

from __future__ import annotations

import ast
import inspect
import io
import tokenize
from functools import cache


def comment_of(kind: type, field: str) -> str:
    """The words about a field, looked for in the class that has it; empty if there are none."""
    for one in kind.__mro__:
        if field in vars(one).get("__annotations__", {}):
            return _comments(one).get(field, "")
    return ""


@cache
def _comments(kind: type) -> dict[str, str]:
    lines = inspect.getsource(kind).splitlines()
    body = ast.parse("\n".join(lines)).body[0]
    said = _by_line("\n".join(lines) + "\n")
    alone = {number for number, line in enumerate(lines, 1) if line.lstrip().startswith("#")}
    found = {}
    for node in body.body if isinstance(body, ast.ClassDef) else ():
        if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            behind = [said[n] for n in range(node.lineno, (node.end_lineno or node.lineno) + 1) if n in said]
            found[node.target.id] = " ".join(behind) or _above(node.lineno, alone, said)
    return found


def _above(line: int, alone: set[int], said: dict[int, str]) -> str:
    words: list[str] = []
    while (line := line - 1) in alone:
        words.insert(0, said[line])
    return " ".join(words)


def _by_line(source: str) -> dict[int, str]:
    tokens = tokenize.generate_tokens(io.StringIO(source).readline)
    return {one.start[0]: _said(one.string) for one in tokens if one.type == tokenize.COMMENT}


def _said(comment: str) -> str:
    return comment.partition("# noqa")[0].lstrip("# ").strip()
