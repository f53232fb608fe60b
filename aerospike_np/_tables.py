"""Batch reads into arrays: requests, and what their raw results become."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any

import numpy as np

from . import _compute, _keys, _layout, _progress
from ._numpy_batch_records import NumpyBatchRecords, raise_conversion
from ._reading import set_partial
from ._refresh import Origin
from .exception import AerospikeError, InvalidArgError

if TYPE_CHECKING:
    from ._engine import Core, Request
    from .expressions import Expression

_NO_ERRORS = np.empty(0, _layout.ERROR_DTYPE)
_CACHED = 64


def errors_mode(errors: Any) -> int:
    try:
        return _layout.ERRORS_MODES[errors]
    except (KeyError, TypeError):
        raise InvalidArgError(
            f"errors must be 'raise', 'mask' or 'unsafe', not {errors!r}"
        ) from None


class Plan:
    """All of a read that does not depend on its keys."""

    __slots__ = ("core", "engine", "errors", "has_rows", "policy", "shape")

    def __init__(
        self,
        core: Core,
        shape: _layout.Shape,
        policy: Any,
        errors: str,
        where: str = "batch_read",
        computed: dict[str, Any] | None = None,
        operations: tuple[Any, Any, Any] | None = None,
    ) -> None:
        self.core = core
        self.shape = shape
        self.errors = errors
        self.policy = copy.copy(policy)
        rows = shape.rows()
        self.has_rows = rows is not None
        asked = _compute.asked(shape.bins, computed) if computed else shape.bins
        if operations is None:
            _refuse_left_out(shape, asked if not computed else (*shape.bins, *computed), where)
        self.engine = core.read_plan(
            where, shape.samples, shape.fills, errors_mode(errors), policy, asked, rows, operations
        )

    def read(
        self, keys: Any, do: Any, data: Any = None, watch: Any = None, kept: Any = None
    ) -> Request:
        """A read of prepared keys, into new arrays or into those of ``data``; ``kept`` are the keys as the
        result has them, where they are there already. ``do`` is the client's, for what the result may ask later.
        """
        origin = Origin(self, do)

        def finish(raw: Any, exception: AerospikeError | None) -> Any:
            own = kept if kept is not None else _keys.view(keys)
            return finished(self._found(own, raw, origin), self.errors, exception)

        return _progress.watched(self._request(keys, data), finish, watch)

    def again(self, keys: Any) -> Request:
        """A read whose result is a pair: what was found, and what went wrong."""
        return self._request(keys, None).then(
            lambda raw, exception: (self._found(keys, raw, None), exception)
        )

    def look(self, keys: Any, codes: Any, expression: Expression) -> Request:
        """A read of nothing, with another filter. The result: the numbers of rows that are not as their codes
        were, and timings; and what went wrong.
        """
        policy = {k: v for k, v in (self.policy or {}).items() if k != "filter_expression"}
        policy["expressions"] = expression
        request = self.core.batch_look(keys, codes, policy)
        return request.then(lambda raw, exception: (raw, exception))

    def operate(self, keys: Any, data: Any, watch: Any) -> Request:
        """Runs the plan's operations on the records of prepared keys."""
        doubts = np.zeros(len(keys), bool), np.zeros(len(keys), np.uint8)

        def finish(raw: Any, exception: AerospikeError | None) -> Any:
            found = self._found(_keys.view(keys), raw, None)
            found._doubts = doubts
            if exception is not None:
                exception.in_doubt = bool(found.in_doubt.any())
            return finished(found, self.errors, exception)

        return _progress.watched(self._request(keys, data, doubts), finish, watch)

    def _request(self, keys: Any, data: Any, doubts: Any = None) -> Request:
        arrays, fields = data, None
        if not self.has_rows or (data is not None and self.shape.layout != "rows"):
            target = _layout.Target(len(keys), self.shape, data)
            arrays = target.data, target.codes, target.meta, target.missing
            fields = target.fields
        return self.core.batch_table(self.engine, keys, arrays, fields, doubts)

    def _found(self, keys: Any, raw: Any, origin: Any) -> NumpyBatchRecords:
        return result(self.shape, keys, raw, origin)


def _refuse_left_out(shape: _layout.Shape, bins: tuple[Any, ...], where: str) -> None:
    """Fields that would be masked in each row are a mistake in the names."""
    for field, name in zip(shape.names, shape.bin_names, strict=True):
        if name not in bins:
            raise InvalidArgError(
                f"{where}: bins={list(shape.bins)!r} leaves out field {field!r} of the dtype: add it, leave bins "
                "out (then the fields are the bins), or rename with bins={field: bin}"
            )


def plan_of(
    cache: dict[Any, Any], core: Core, n: int, dtype: Any, bins: Any, layout: str, out: Any, errors: str,
    fill: Any, policy: Any, compute: Any = None,
) -> tuple[Plan, Any]:  # fmt: skip
    """The plan of a read of n rows; and what holds the arrays that are given, None without.

    To make a plan takes as long as to read some thirty records, so those of new arrays are kept, by the dtype
    object: the cache keeps that alive, so that no other one gets its id, and looks whether its names were set
    anew. Those of dtypes inside it would take too long to look at: such plans are not kept.
    """
    _layout.check_layout(layout)
    mode = errors_mode(errors)
    if out is not None and not _layout.is_rows(n, dtype, out):
        shape, data = _layout.shape_of_out(n, dtype, bins, out, fill)
        computed = _compute.of_fields(compute, shape.names, bins, "batch_read")
        return Plan(core, shape, policy, errors, computed=computed), data
    if out is not None:
        dtype, layout = out.dtype, "rows"
    key: tuple[Any, ...] | None = None
    if isinstance(dtype, np.dtype) and fill is None and policy is None and compute is None:
        if bins is None:
            key = id(dtype), None, layout, mode
        elif isinstance(bins, (list, tuple)) and all(type(name) is str for name in bins):
            key = id(dtype), tuple(bins), layout, mode
    found = cache.get(key) if key is not None else None
    if found is not None and found[1] is dtype.names:
        return found[2], out
    names = getattr(dtype, "names", None)  # before they are used: another thread may set them
    shape = _layout.shape_of(dtype, bins, layout, fill)
    computed = _compute.of_fields(compute, shape.names, bins, "batch_read")
    plan = Plan(core, shape, policy, errors, computed=computed)
    if key is not None and not _layout.is_nested(dtype):
        if len(cache) >= _CACHED:
            cache.clear()
        cache[key] = dtype, names, plan
    return plan, out


def operate(
    core: Core, keys: Any, operations: tuple[Any, Any, Any], dtype: Any, bins: Any, layout: str, out: Any,
    errors: str, fill: Any, policy: Any, watch: Any,
) -> Request:  # fmt: skip
    """Operations on the records of prepared keys, whose results go to arrays."""
    _layout.check_layout(layout)
    if out is None:
        shape, data = _layout.shape_of(dtype, bins, layout, fill), None
    else:
        shape, data = _layout.shape_of_out(len(keys), dtype, bins, out, fill)
    plan = Plan(core, shape, policy, errors, "batch_operate", operations=operations)
    return plan.operate(keys, data, watch)


def result(shape: _layout.Shape, keys: Any, raw: Any, origin: Any = None) -> NumpyBatchRecords:
    data, codes, meta, missing, cell_errors, timings = raw
    table = (
        np.frombuffer(bytearray(cell_errors), _layout.ERROR_DTYPE) if cell_errors else _NO_ERRORS
    )
    return NumpyBatchRecords(
        data, meta, codes, missing, shape.names, table, keys, timings, shape.layout, origin
    )


def finished(
    found: NumpyBatchRecords, errors: str, exception: BaseException | None
) -> NumpyBatchRecords:
    """The result, or what is to be raised with it."""
    if exception is not None:
        set_partial(exception, found)
        raise exception
    if len(found.errors) and errors == "raise":
        raise_conversion(found)
    return found
