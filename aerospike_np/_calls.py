"""Operations on lists, maps, bits and HyperLogLogs inside of expressions: their common form.

call   [127, type of the result, system, operation, bin]; a modifying one gives what the bin would become
"""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

from . import _msgpack
from ._expression_code import BLOB, BOOL, HLL, INT, LIST, MAP, Code, Refused, bin_name, join, number
from .exception import InvalidArgError
from .expressions import Expression, code_of, needs
from .helpers.cdt_ctx import Context
from .types import CDTInfinite

Ctx: TypeAlias = Sequence[Context] | None
Policy: TypeAlias = Mapping[str, Any] | None

_COLLECTION, _BITS, _HLL, _MODIFIES = 0, 1, 2, 0x40
_CONTEXT, _PATH = _msgpack.leaf(0xFF), _msgpack.leaf(0xFE)
_INVERTED = 0x10000
_STEPS_MAX = 64


def _bin(kind: int, bin: Any, what: str = "") -> Code:
    """A bin of this type by its name, or an expression of the type."""
    if isinstance(bin, str):
        return join(kind, b"\x51", _msgpack.leaf(kind), bin_name(bin))
    return needs(bin, kind, f"bin{what}")


def _call(result: int, system: int, operation: Code, bin: Code) -> Code:
    return join(result, b"\x7f", _msgpack.leaf(result), _msgpack.leaf(system), operation, bin)


# ---- contexts ----


def _steps(ctx: Ctx, is_path: bool) -> tuple[Context, ...]:
    if ctx is None:
        return ()
    if not isinstance(ctx, list | tuple):
        raise Refused(f"ctx is a list of contexts or None, not {ctx!r}")
    for i, step in enumerate(ctx):
        if not isinstance(step, Context):
            raise Refused(
                f"ctx[{i}] must be made by the functions of helpers.cdt_ctx, and {step!r} is not"
            )
        if step.is_path and not is_path:
            raise Refused(
                f"ctx[{i}]: {step!r} takes several elements; only SelectByPath and ModifyByPath can"
            )
        if step.is_and and i == 0:
            raise Refused(f"ctx[0]: {step!r} narrows the step before it, and there is none")
    if len(ctx) > _STEPS_MAX:
        raise Refused(f"ctx has {len(ctx)} steps; at most {_STEPS_MAX} are taken")
    return tuple(ctx)


def _context(steps: Sequence[Context]) -> Code:
    return join(None, *(part for step in steps for part in (_msgpack.leaf(step._type), step._code)))


def context_base64(ctx: Any) -> str:
    """The bytes of a context as base64 text."""
    try:
        return base64.b64encode(_context(_path(ctx)).packed).decode()
    except Refused as why:
        raise InvalidArgError(str(why)) from None


def _root(steps: Sequence[Context], kind: int | None, bin: Any) -> Code:
    """The bin, whose type the first step tells."""
    if steps and (steps[0].is_list or steps[0].is_map):
        return _bin(LIST if steps[0].is_list else MAP, bin, f" of {steps[0]!r}")
    if kind is not None:
        return _bin(kind, bin)
    if isinstance(bin, str):
        raise Refused(
            "whether bin is a list or a map isn't known here: give exp.list_bin or exp.map_bin"
        )
    code = code_of(bin)
    return code if code.type == MAP else needs(bin, LIST, "bin, a list or a map,")


# ---- lists and maps ----


def _operation(steps: Sequence[Context], op: int, args: Sequence[Code | bytes]) -> Code:
    plain = join(None, _msgpack.leaf(op), *args)
    return join(None, _CONTEXT, _context(steps), plain) if steps else plain


def read(kind: int, ctx: Any, result: int, bin: Any, op: int, *args: Code | bytes) -> Code:
    """Reads a list or a map."""
    steps = _steps(ctx, False)
    return _call(result, _COLLECTION, _operation(steps, op, args), _root(steps, kind, bin))


def modify(kind: int, ctx: Any, bin: Any, op: int, *args: Code | bytes) -> Code:
    """Changes a list or a map: gives the whole bin as it would be."""
    steps = _steps(ctx, False)
    whole = kind if not steps else MAP if steps[0].is_map else LIST
    operation = _operation(steps, op, args)
    return _call(whole, _COLLECTION | _MODIFIES, operation, _root(steps, kind, bin))


def select(ctx: Any, value_type: Any, flags: Any, bin: Any) -> Code:
    """Takes elements by a path."""
    steps = _path(ctx)
    if not hasattr(flags, "__index__") or flags & ~0x13:
        raise Refused(f"flags are EXP_PATH_SELECT_*, not {flags!r}")
    path = join(None, _PATH, _context(steps), number(flags, "flags"))
    return _call(type_number(value_type), _COLLECTION, path, _root(steps, None, bin))


def apply(ctx: Any, value_type: Any, expression: Any, flags: Any, bin: Any) -> Code:
    """Replaces elements by a path."""
    steps = _path(ctx)
    if not hasattr(flags, "__index__") or flags & ~0x10:
        raise Refused(f"flags are EXP_PATH_MODIFY_*, not {flags!r}")
    if not isinstance(expression, Expression):
        raise Refused(f"mod_exp must be an expression, not {expression!r}")
    path = join(None, _PATH, _context(steps), number(flags | 4, "flags"), expression._code)
    return _call(type_number(value_type), _COLLECTION | _MODIFIES, path, _root(steps, None, bin))


def _path(ctx: Any) -> tuple[Context, ...]:
    steps = _steps(ctx, True)
    if not steps:
        raise Refused("ctx needs at least one step")
    return steps


# ---- arguments ----


def type_number(value_type: Any) -> int:
    """A type of ``ResultType`` or ``EXP_TYPE_*``."""
    if (
        isinstance(value_type, bool)
        or not hasattr(value_type, "__index__")
        or not 0 <= value_type.__index__() <= 9
    ):
        raise Refused(f"value_type is one of ResultType, not {value_type!r}")
    return int(value_type.__index__())


_RETURNS_INT = (1, 2, 3, 4, 5)
_RETURNS_KEYS = (6, 8, 16, 17)
_NAMES = "LIST_RETURN_* or MAP_RETURN_*"


def _return_type(kind: int, return_type: Any, is_inverted: bool) -> tuple[int, bytes]:
    """What is returned, and its code with the flag."""
    if isinstance(return_type, bool) or not hasattr(return_type, "__index__"):
        raise Refused(f"return_type is one of {_NAMES}, not {return_type!r}")
    wanted = int(return_type.__index__())
    inverted = bool(is_inverted) or wanted & _INVERTED != 0
    wanted &= ~_INVERTED
    known = (1, 2, 3, 4, 5, 7, 13, *(_RETURNS_KEYS if kind == MAP else ()))
    if wanted == 0:
        raise Refused("an expression has a value: return_type can't be NONE")
    if wanted not in known:
        raise Refused(
            f"return_type is one of {'MAP' if kind == MAP else 'LIST'}_RETURN_*, not {return_type!r}"
        )
    return wanted, _msgpack.leaf(wanted | (_INVERTED if inverted else 0))


def get(
    kind: int, ctx: Any, return_type: Any, inverted: bool, bin: Any, op: int, *args: Code | bytes
) -> Code:
    """Selects any number of elements."""
    wanted, packed = _return_type(kind, return_type, inverted)
    result = {5: INT, 13: BOOL, 8: MAP, 16: MAP, 17: MAP}.get(wanted, LIST)
    return read(kind, ctx, result, bin, op, packed, *args)


def get_one(
    kind: int, ctx: Any, return_type: Any, value_type: Any, bin: Any, op: int, *args: Code | bytes
) -> Code:
    """Selects one element, of a type that the caller knows."""
    wanted, packed = _return_type(kind, return_type, False)
    result = type_number(value_type)
    needed = {13: BOOL, 8: MAP, 16: MAP, 17: MAP}.get(
        wanted, INT if wanted in _RETURNS_INT else result
    )
    if result != needed:
        names = {INT: "INTEGER", BOOL: "BOOLEAN", MAP: "MAP"}
        raise Refused(f"with this return_type value_type must be ResultType.{names[needed]}")
    return read(kind, ctx, result, bin, op, packed, *args)


def drop(kind: int, ctx: Any, inverted: bool, bin: Any, op: int, *args: Code | bytes) -> Code:
    """Removes elements."""
    return modify(kind, ctx, bin, op, _msgpack.leaf(_INVERTED if inverted else 0), *args)


def place(value: Any, what: str) -> Code:
    """An index, a rank or a count."""
    if isinstance(value, CDTInfinite):
        return Code(_msgpack.INFINITY, None)
    return needs(value, INT, what)


def range_end(value: Any) -> Code:
    """The end of a range; None: there is none."""
    return Code(_msgpack.INFINITY, None) if value is None else code_of(value)


# ---- policies ----


def _policy(
    policy: Any, what: str, keys: Mapping[str, str], limits: Mapping[str, Sequence[int]]
) -> dict[str, int]:
    """The numbers of a policy, by their names; `keys` are all names that are known."""
    if not isinstance(policy, Mapping):
        raise Refused(f"policy is a dict or None, not {policy!r}")
    found: dict[str, int] = {}
    for key, value in policy.items():
        name = keys.get(key)
        if name is None:
            raise Refused(
                f"policy has an unknown key {key!r}; known for {what} are {', '.join(keys)}"
            )
        if value is None:
            continue
        if not hasattr(value, "__index__") or int(value) not in limits[name]:
            raise Refused(f"policy: {key} can't be {value!r}")
        found[name] = int(value)
    return found


_FLAGS = range(16)
_LIST_KEYS = {"list_order": "order", "order": "order", "write_flags": "flags", "flags": "flags"}
_MAP_KEYS = {
    "map_order": "order",
    "order": "order",
    "map_write_flags": "flags",
    "flags": "flags",
    "persist_index": "persist",
}


def list_policy(policy: Any, *names: str) -> list[bytes]:
    """What a list's policy adds to an operation; nothing if there is none."""
    if not policy:
        return []
    found = _policy(policy, "lists", _LIST_KEYS, {"order": (0, 1), "flags": _FLAGS})
    return [_msgpack.leaf(found.get(name, 0)) for name in names]


def map_policy(policy: Any) -> list[bytes]:
    """The same of a map's."""
    if not policy:
        return []
    found = _policy(
        policy, "maps", _MAP_KEYS, {"order": (0, 1, 3), "flags": _FLAGS, "persist": (0, 1)}
    )
    order = found.get("order", 0) | 16 * found.get("persist", 0)
    return [_msgpack.leaf(order), _msgpack.leaf(found.get("flags", 0))]


def map_order(policy: Any) -> list[bytes]:
    """The same for an increment, to which a server takes no flags."""
    order, *flags = map_policy(policy) or [b""]
    if flags and flags != [b"\x00"]:
        raise Refused("policy: an increment takes no map_write_flags")
    return [order] if flags else []


def _flags(policy: Any, what: str, name: str) -> bytes:
    if policy is not None and hasattr(policy, "__index__"):
        policy = {name: policy}
    found = _policy(policy or {}, what, {name: "flags", "flags": "flags"}, {"flags": _FLAGS})
    return _msgpack.leaf(found.get("flags", 0))


# ---- bits ----


def bit_read(result: int, bin: Any, op: int, *args: Code | bytes) -> Code:
    """Reads bits of a blob."""
    return _call(result, _BITS, join(None, _msgpack.leaf(op), *args), _bin(BLOB, bin))


def bit_modify(bin: Any, op: int, *args: Code | bytes) -> Code:
    """Changes bits: gives the blob as it would be."""
    return _call(BLOB, _BITS | _MODIFIES, join(None, _msgpack.leaf(op), *args), _bin(BLOB, bin))


def bit_policy(policy: Any) -> bytes:
    """The write flags of a policy of bits: a dict, or the flags themselves."""
    return _flags(policy, "bits", "bit_write_flags")


# ---- HyperLogLogs ----


def hll_read(result: int, bin: Any, op: int, *args: Code | bytes) -> Code:
    """Reads a HyperLogLog."""
    return _call(result, _HLL, join(None, _msgpack.leaf(op), *args), _bin(HLL, bin))


def hll_modify(bin: Any, op: int, *args: Code | bytes) -> Code:
    """Changes a HyperLogLog: gives it as it would be."""
    return _call(HLL, _HLL | _MODIFIES, join(None, _msgpack.leaf(op), *args), _bin(HLL, bin))


def hll_policy(policy: Any) -> bytes:
    """The write flags of a HyperLogLog's policy."""
    return _flags(policy, "HyperLogLogs", "hll_write_flags")


def bits_or_none(value: Any, what: str) -> Code:
    """A count of bits; None: not given."""
    return needs(-1 if value is None else value, INT, what)
