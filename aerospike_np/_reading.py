"""Batch reads: requests, and what their raw results become."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from . import _compute, _keys, _progress
from ._results import BatchRecords
from .exception import AerospikeError, InvalidArgError

if TYPE_CHECKING:
    from ._engine import Core, Request


def set_partial(exception: BaseException, result: Any) -> None:
    exception.partial = result  # type: ignore[attr-defined]


def read_records(
    core: Core, keys: Any, bins: Any, policy: Any, progress: Any, compute: Any = None
) -> Request:
    import numpy as np

    from ._layout import META_DTYPE

    if isinstance(bins, (str, bytes)):
        raise TypeError("batch_read: bins is a list of names, not a str")
    if isinstance(bins, Mapping):
        raise TypeError(
            "batch_read: a dict of bins renames fields of a dtype; without one give a list of names"
        )
    computed = _compute.operations(compute, "batch_read")
    if computed:
        if bins is None:
            raise InvalidArgError(
                "batch_read: compute without a dtype goes with bins: name those to read as well, or give "
                "[] for none"
            )
        bins = _compute.asked(bins, computed)
    n = len(keys)
    arrays = (np.empty(n, np.int32), np.empty(n, META_DTYPE), np.zeros(n, bool))
    request = core.batch_records(keys, bins, arrays, policy)

    def finish(raw: Any, exception: AerospikeError | None) -> Any:
        def to_numpy(dtype: Any, **options: Any) -> Any:
            return _records_to_numpy(raw, keys, dtype, **options)

        result = BatchRecords(_keys.view(keys), raw, numpy_hook=to_numpy)
        if exception is not None:
            set_partial(exception, result)
            raise exception
        return result

    return _progress.watched(request, finish, progress)


def _records_to_numpy(
    raw: Any,
    keys: Any,
    dtype: Any,
    *,
    bins: Any = None,
    layout: str = "rows",
    out: Any = None,
    errors: str = "raise",
    fill: Any = None,
) -> Any:
    from . import _layout, _tables

    n, data = len(keys), None
    _layout.check_layout(layout)
    if out is None:
        shape = _layout.shape_of(dtype, bins, layout, fill)
    else:
        shape, data = _layout.shape_of_out(n, dtype, bins, out, fill)
    target = _layout.Target(n, shape, data)
    found = raw.to_table(
        target.fields,
        target.codes,
        target.meta,
        target.missing,
        _tables.errors_mode(errors),
        target.shape.fills,
    )
    made = target.data, target.codes, target.meta, target.missing, found, (0.0, 0.0, 0.0, 0.0)
    return _tables.finished(_tables.result(shape, _keys.view(keys), made), errors, None)
