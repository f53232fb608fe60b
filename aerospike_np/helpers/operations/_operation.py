"""The dict that an operation is, and the types of what many builders take."""

from __future__ import annotations

from typing import Any

Ctx = list[Any] | None
Policy = dict[str, Any] | None

# Where None stands for what is not given; elsewhere it is a value like others.
_OPTIONAL = frozenset(("count", "list_policy", "map_policy", "value_begin", "value_end"))


def operation(op: int, bin_name: str, ctx: Ctx = None, **arguments: Any) -> dict[str, Any]:
    """The dict of an operation, without what is not given."""
    made = {"op": op, "bin": bin_name}
    made |= {
        name: value
        for name, value in arguments.items()
        if value is not None or name not in _OPTIONAL
    }
    return made | {"ctx": ctx} if ctx else made
