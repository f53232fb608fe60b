"""Small tables for notebooks: escaped, and capped so that a large result stays a small cell."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from html import escape
from typing import Any

MAX_ROWS = 10
MAX_COLUMNS = 20
MISSING = "\N{EM DASH}"
_MAX_TEXT = 60


def table(
    caption: str,
    columns: Sequence[str],
    n_rows: int,
    row: Callable[[int, Sequence[str]], Sequence[Any]],
) -> str:
    """A table; ``row(i, shown columns)`` gives the cells, MISSING where there is no value."""
    shown = list(columns[:MAX_COLUMNS])
    more = len(columns) > len(shown)
    head = "".join(f"<th>{_cell(name)}</th>" for name in shown) + (
        "<th>&hellip;</th>" if more else ""
    )
    body = []
    for i in range(min(n_rows, MAX_ROWS)):
        cells = "".join(f"<td>{_cell(value)}</td>" for value in row(i, shown))
        body.append(f"<tr>{cells}{'<td></td>' if more else ''}</tr>")
    if n_rows > MAX_ROWS:
        width = len(shown) + more
        body.append(f'<tr><td colspan="{width}">&hellip; {n_rows - MAX_ROWS} more rows</td></tr>')
    return (
        f"<table><caption>{escape(caption)}</caption><thead><tr>{head}</tr></thead>"
        f"<tbody>{''.join(body)}</tbody></table>"
    )


def _cell(value: Any) -> str:
    text = str(value)
    return escape(
        text if len(text) <= _MAX_TEXT else text[: _MAX_TEXT - 1] + "\N{HORIZONTAL ELLIPSIS}"
    )
