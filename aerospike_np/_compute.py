"""``compute=``: what a batch read asks of expressions, beside what it reads."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from .constants import EXP_READ_EVAL_NO_FAIL
from .exception import InvalidArgError
from .expressions import Expression
from .helpers.operations.expression_operations import expression_read


def operations(compute: Any, where: str) -> dict[str, dict[str, Any]]:
    """The operation of each name that is computed."""
    if compute is None:
        return {}
    if not isinstance(compute, Mapping):
        raise TypeError(
            f"{where}: compute is a dict of names to expressions, not {type(compute).__name__}"
        )
    return {name: _operation(name, value, where) for name, value in compute.items()}


def _operation(name: Any, value: Any, where: str) -> dict[str, Any]:
    expression, flags = value if _is_pair(value) else (value, EXP_READ_EVAL_NO_FAIL)
    if not isinstance(expression, Expression):
        raise InvalidArgError(
            f"{where}: compute[{name!r}] must be an expression, made with aerospike_np.exp or "
            f"aerospike_np.helpers.expressions, or a pair of one and EXP_READ_* flags, not {value!r}"
        )
    return expression_read(name, expression, flags)


def _is_pair(value: Any) -> bool:
    return isinstance(value, tuple) and len(value) == 2


def of_fields(compute: Any, names: Iterable[str], bins: Any, where: str) -> dict[str, Any]:
    """The same for fields of a dtype, whose bins are ``bins`` as the caller gave them."""
    found = operations(compute, where)
    for name in found:
        if name not in names:
            raise InvalidArgError(
                f"{where}: compute names {name!r}, which is no field of the dtype (or of a matrix's bins); "
                f"fields are {', '.join(map(repr, names))}"
            )
        if isinstance(bins, Mapping) and name in bins:
            raise InvalidArgError(
                f"{where}: field {name!r} is in bins and in compute; it is read or computed, not both"
            )
    return found


def asked(bins: Iterable[str], computed: Mapping[str, dict[str, Any]]) -> tuple[Any, ...]:
    """What a read asks for: names of bins and operations, in the order of the bins."""
    wanted = dict.fromkeys(bins) | dict.fromkeys(computed)
    return tuple(computed.get(name, name) for name in wanted)
