"""Batch reads: requests, and what their raw results become."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from . import _keys
from .exception import AerospikeError, InvalidArgError

if TYPE_CHECKING:
    from ._engine import Core, Request


def read_table(
    core: Core, keys: Any, bins: Any, policy: Any, dtype: Any, layout: str, out: Any, errors: str, fill: Any,
    progress: Any,
) -> Request:  # fmt: skip
    from . import _layout

    if errors not in _layout.ERRORS_MODES:
        raise InvalidArgError(
            f"batch_read: errors must be 'raise', 'mask' or 'unsafe', not {errors!r}"
        )
    target = _layout.Target(len(keys), dtype, bins, layout, out, fill)
    request = core.batch_table(
        keys, target.fields, target.codes, target.meta, target.missing, _layout.ERRORS_MODES[errors],
        target.fills, policy, target.bins,
    )  # fmt: skip

    def finish(raw: Any, exception: AerospikeError | None) -> Any:
        return _table_result(target, keys, raw[0], raw[1], errors, exception)

    return request.then(finish).watch(progress)


def _table_result(
    target: Any,
    keys: Any,
    cell_errors: bytes,
    timings: Any,
    errors: str,
    exception: AerospikeError | None,
) -> Any:
    import numpy as np

    from . import _results
    from ._layout import ERROR_DTYPE

    table = np.frombuffer(bytearray(cell_errors), ERROR_DTYPE)
    names = ("digests", "sending", "waiting", "decoding")
    result = _results.NumpyBatchRecords(
        target.data, target.meta, target.codes, target.missing, target.names, table, _keys.view(keys),
        dict(zip(names, timings, strict=True)), target.layout,
    )  # fmt: skip
    if exception is not None:
        set_partial(exception, result)
        raise exception
    if errors == "raise" and len(table):
        _results.raise_conversion(result)
    return result


def set_partial(exception: BaseException, result: Any) -> None:
    exception.partial = result  # type: ignore[attr-defined]


def read_records(core: Core, keys: Any, bins: Any, policy: Any, progress: Any) -> Request:
    import numpy as np

    from ._layout import META_DTYPE

    if isinstance(bins, (str, bytes)):
        raise TypeError("batch_read: bins is a list of names, not a str")
    if isinstance(bins, Mapping):
        raise TypeError(
            "batch_read: a dict of bins renames fields of a dtype; without one give a list of names"
        )
    n = len(keys)
    arrays = (np.empty(n, np.int32), np.empty(n, META_DTYPE), np.zeros(n, bool))
    request = core.batch_records(keys, bins, arrays, policy)

    def finish(raw: Any, exception: AerospikeError | None) -> Any:
        from ._results import BatchRecords

        def to_numpy(dtype: Any, **options: Any) -> Any:
            return _records_to_numpy(raw, keys, dtype, **options)

        result = BatchRecords(_keys.view(keys), raw, numpy_hook=to_numpy)
        if exception is not None:
            set_partial(exception, result)
            raise exception
        return result

    return request.then(finish).watch(progress)


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
    from . import _layout

    target = _layout.Target(len(keys), dtype, bins, layout, out, fill)
    found = raw.to_table(
        target.fields,
        target.codes,
        target.meta,
        target.missing,
        _layout.ERRORS_MODES[errors],
        target.fills,
    )
    return _table_result(target, keys, found, (0.0, 0.0, 0.0, 0.0), errors, None)
