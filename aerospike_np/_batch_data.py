"""What ``batch_write_numpy`` and its like take, made uniform: arrays by field, keys, masks, times to live."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from ._keys import Keys
from .exception import InvalidArgError
from .types import Field

_SKIPS = 1 << 3  # of the flags: a row with nothing to write is left out


def _choice(where: str, value: str, what: str, off: str, on: str) -> bool:
    """Whether a choice of two is the second."""
    if value not in (off, on):
        raise InvalidArgError(f"{where}: {what} must be {off!r} or {on!r}, not {value!r}")
    return value == on


def write_flags(where: str, masked: str, bytes_as: str, subarrays: str, empty: str) -> int:
    """How the engine reads the rows, as it takes that."""
    return (
        _choice(where, masked, "masked", "keep", "remove")
        | _choice(where, bytes_as, "bytes_as", "blob", "str") << 1
        | _choice(where, subarrays, "subarrays", "blob", "list") << 2
        | (_SKIPS if _choice(where, empty, "empty", "raise", "skip") else 0)
    )


def one_ttl(where: str, ttl: int) -> int:
    """Seconds to live of all rows, as on the wire."""
    array = _ttl(where, ttl, 1)
    if array is None:
        raise TypeError(f"{where}: ttl must be an integer, not None")
    return int(array[0])


class Rows:
    """The arrays of one call."""

    __slots__ = ("_masks", "columns", "generation", "key_field", "keys", "n", "ttl", "where")

    def __init__(
        self,
        where: str,
        data: Any,
        namespace: str,
        set_name: str | None,
        dtype: Any,
        key_field: str,
        mask: Any,
        ttl: Any,
        generation: Any,
    ) -> None:
        self.where = where
        self.columns, masks = _columns(where, data, dtype)
        if key_field not in self.columns:
            is_index = key_field in getattr(getattr(data, "index", None), "names", ())
            raise InvalidArgError(
                f"{where}: there is no field {key_field!r} for the keys; fields are "
                f"{', '.join(map(repr, self.columns))}; "
                + (
                    "make the index a column with reset_index()"
                    if is_index
                    else "name it with key_field="
                )
            )
        self.key_field = key_field
        self.n = len(self.columns[key_field])
        _add_mask(where, masks, mask, self.columns, self.n)
        key_mask = masks.get(key_field)
        if key_mask is not None and key_mask.any():
            raise InvalidArgError(f"{where}: row {int(key_mask.argmax())} has no key: it is masked")
        self._masks = masks
        self.keys = Keys(namespace, set_name, self.columns[key_field])
        self.ttl = _ttl(where, _field_or(where, ttl, self.columns, "ttl"), self.n)
        given = _field_or(where, generation, self.columns, "generation")
        self.generation = _generation(where, given, self.n)


class Source(Rows):
    """The arrays of one write, and what the engine needs to know of them."""

    __slots__ = ("fields", "flags", "masks")

    def __init__(self, *rows: Any, masked: str, empty: str, bytes_as: str, subarrays: str) -> None:
        super().__init__("batch_write_numpy", *rows)
        bins = [name for name in self.columns if name != self.key_field and name[:1] != "_"]
        self.fields = tuple((name, self.columns[name]) for name in bins)
        self.masks = tuple(self._masks.get(name) for name in bins) if self._masks else None
        self.flags = write_flags(self.where, masked, bytes_as, subarrays, empty)
        if not bins and self.n and not self.flags & _SKIPS:
            raise InvalidArgError(
                f"{self.where}: there is nothing to write: no field but {self.key_field!r} and those "
                "that begin with '_'"
            )

    def arguments(self, rows: Any = ...) -> tuple[Any, ...]:
        """What the engine takes, of all rows or of some."""
        masks = self.masks and tuple(_some(mask, rows) for mask in self.masks)
        return (
            self.keys if rows is ... else self.keys.take(rows),
            tuple((name, column[rows]) for name, column in self.fields),
            masks, _some(self.ttl, rows), _some(self.generation, rows), self.flags,
        )  # fmt: skip


class OperationSource(Rows):
    """The arrays of operations that have fields of them as values."""

    __slots__ = ("fields", "flags", "masks", "ops")

    def __init__(self, ops: Any, *rows: Any, empty: str, bytes_as: str, subarrays: str) -> None:
        super().__init__("batch_operate_numpy", *rows)
        if not isinstance(ops, (list, tuple)):
            raise TypeError(f"{self.where}: ops is a list of operations, not {type(ops).__name__}")
        self.ops = tuple(ops)
        dicts = [op for op in self.ops if isinstance(op, dict)]
        names = {v.name for op in dicts for v in op.values() if isinstance(v, Field)}
        for name in names:
            if name not in self.columns:
                raise InvalidArgError(
                    f"{self.where}: there is no field {name!r} in data; fields are "
                    f"{', '.join(map(repr, self.columns))}"
                )
            column = self.columns[name]
            if column.ndim > 1 and column.dtype.kind not in "biuf":
                raise TypeError(
                    f"{self.where}: field {name!r} has several values of {column.dtype} a row, which only numbers "
                    "can be; make it a column of objects, each a list"
                )
        self.fields = {name: self.columns[name] for name in names}
        self.masks = {name: self._masks[name] for name in names if name in self._masks}
        self.flags = write_flags(self.where, "keep", bytes_as, subarrays, empty)

    def arguments(self, rows: Any = ...) -> tuple[Any, ...]:
        """What the engine takes, of all rows or of some."""
        return (
            self.keys if rows is ... else self.keys.take(rows), self.ops,
            {name: column[rows] for name, column in self.fields.items()},
            {name: mask[rows] for name, mask in self.masks.items()},
            _some(self.ttl, rows), _some(self.generation, rows), self.flags,
        )  # fmt: skip


class Returned:
    """What a function returned of n rows, of which those that are ``sent`` are written."""

    __slots__ = ("fields", "masks", "sent")

    def __init__(
        self,
        where: str,
        data: Any,
        n: int,
        sent: np.ndarray[Any, Any],
        kept: Mapping[str, Any],
        renames: Mapping[str, str],
    ) -> None:
        columns, masks = _columns(f"{where}: fn returned this", data, None)
        bins = [name for name in columns if not name.startswith("_")]
        for name in bins:
            if len(columns[name]) != n:
                raise InvalidArgError(
                    f"{where}: fn got {n} rows, and returned {len(columns[name])}; it returns as many, or None"
                )
        if not bins:
            raise InvalidArgError(f"{where}: fn returned no field that is a bin")
        for name, mask in kept.items():
            if name in columns and mask.any():
                masks[name] = masks[name] | mask if name in masks else mask
        rows = ... if sent.all() else sent
        self.sent = sent
        self.fields = tuple((renames.get(name, name), columns[name][rows]) for name in bins)
        self.masks = tuple(_some(masks.get(name), rows) for name in bins) if masks else None


def _some(array: Any, rows: Any) -> Any:
    return None if array is None else array[rows]


def _columns(
    where: str, data: Any, dtype: Any
) -> tuple[dict[str, np.ndarray[Any, Any]], dict[str, np.ndarray[Any, Any]]]:
    """Arrays by name, each with a row in its first axis, and the masks that came with the data."""
    if isinstance(data, Mapping):
        _refuse_dtype(where, dtype, "a dict of columns")
        return _from_mapping(where, data)
    if hasattr(data, "columns") and hasattr(data, "iloc"):
        _refuse_dtype(where, dtype, "a DataFrame")
        return _from_frame(where, data)
    if not isinstance(data, np.ndarray):
        raise TypeError(
            f"{where}: data is a structured array, a dict of columns or a pandas DataFrame, not "
            + f"{type(data).__module__}.{type(data).__qualname__}".removeprefix("builtins.")
        )
    if data.dtype.names is None:
        raise TypeError(f"{where}: data has dtype {data.dtype}, which has no fields")
    if data.ndim != 1:
        raise InvalidArgError(
            f"{where}: data has shape {data.shape}; one row after the other is needed"
        )
    if dtype is not None:
        wanted = np.dtype(dtype)
        if wanted != data.dtype:
            data = _as_view(where, data, wanted)
    masks: dict[str, np.ndarray[Any, Any]] = {}
    if isinstance(data, np.ma.MaskedArray):
        whole: Any = np.ma.getmaskarray(data)
        masks = {name: _one_bool(whole[name]) for name in whole.dtype.names or ()}
        data = data.data
    names = data.dtype.names or ()
    return {name: np.asarray(data[name]) for name in names}, masks


def _one_bool(mask: Any) -> np.ndarray[Any, Any]:
    """One bool a row: a sub-array or nested field is masked as a whole."""
    if mask.dtype.names is not None:
        parts = [_one_bool(mask[name]) for name in mask.dtype.names]
        mask = np.logical_or.reduce(parts) if parts else np.zeros(len(mask), bool)
    one: np.ndarray[Any, Any] = mask.reshape(len(mask), -1).any(axis=1) if mask.ndim > 1 else mask
    return one


def _as_view(where: str, data: np.ndarray[Any, Any], dtype: np.dtype[Any]) -> np.ndarray[Any, Any]:
    if dtype.names is None or dtype.itemsize != data.dtype.itemsize or dtype.hasobject:
        raise TypeError(f"{where}: _dtype {dtype} is not a view of data's {data.dtype}")
    try:
        return data.view(dtype)
    except (TypeError, ValueError):
        raise TypeError(f"{where}: _dtype {dtype} is not a view of data's {data.dtype}") from None


def _refuse_dtype(where: str, dtype: Any, what: str) -> None:
    if dtype is not None:
        raise TypeError(f"{where}: _dtype is for structured arrays; {what} has its own dtypes")


def _from_mapping(
    where: str,
    data: Mapping[str, Any],
) -> tuple[dict[str, np.ndarray[Any, Any]], dict[str, np.ndarray[Any, Any]]]:
    columns: dict[str, np.ndarray[Any, Any]] = {}
    masks: dict[str, np.ndarray[Any, Any]] = {}
    for name, column in data.items():
        if hasattr(column, "isna") and hasattr(column, "dtype"):
            array, mask = _from_series(column)
        else:
            mask = (
                _one_bool(np.ma.getmaskarray(column))
                if isinstance(column, np.ma.MaskedArray)
                else None
            )
            array = np.asarray(column)
        if array.ndim == 0:
            raise TypeError(f"{where}: column {name!r} is not an array of rows")
        columns[str(name)] = array
        if mask is not None and mask.any():
            masks[str(name)] = mask
    lengths = {name: len(column) for name, column in columns.items()}
    if len(set(lengths.values())) > 1:
        raise InvalidArgError(f"{where}: the columns have different lengths: {lengths}")
    return columns, masks


def _from_frame(
    where: str,
    frame: Any,
) -> tuple[dict[str, np.ndarray[Any, Any]], dict[str, np.ndarray[Any, Any]]]:
    names = [str(name) for name in frame.columns]
    for name in names:
        if names.count(name) > 1:
            raise InvalidArgError(f"{where}: the DataFrame has more than one column {name!r}")
    return _from_mapping(where, {str(name): frame[name] for name in frame.columns})


def _from_series(series: Any) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any] | None]:
    """A pandas Series: nulls of its nullable and object dtypes are a mask, NaN of a float column is a value."""
    dtype = series.dtype
    if isinstance(dtype, np.dtype) and dtype.kind != "O":
        return np.asarray(series), None
    mask = np.asarray(series.isna(), bool)
    kind = getattr(dtype, "numpy_dtype", None)
    if isinstance(kind, np.dtype) and kind.kind in "iufb":
        return series.to_numpy(dtype=kind, na_value=kind.type(0)), mask
    values = np.asarray(series, dtype=object)
    if mask.any():
        values = values.copy()
        values[mask] = None
    return values, mask


def _add_mask(
    where: str,
    masks: dict[str, np.ndarray[Any, Any]],
    mask: Any,
    columns: dict[str, np.ndarray[Any, Any]],
    n: int,
) -> None:
    if mask is None:
        return
    if isinstance(mask, np.ndarray) and mask.dtype.names is not None:
        mask = {name: mask[name] for name in mask.dtype.names}
    if not isinstance(mask, Mapping):
        raise TypeError(
            f"{where}: mask is a bool structured array with data's field names, or a dict of bool "
            "arrays"
        )
    for name, column in mask.items():
        if name not in columns:
            raise InvalidArgError(f"{where}: mask names {name!r}, which is no field of data")
        column = np.asarray(column)
        if column.dtype.kind == "V" or column.ndim > 1:
            column = _one_bool(column)
        if column.dtype != bool or column.shape != (n,):
            raise InvalidArgError(
                f"{where}: mask[{name!r}] must be {n} bools, not {column.dtype} of shape {column.shape}"
            )
        masks[name] = masks[name] | column if name in masks else column


def _field_or(where: str, value: Any, columns: dict[str, np.ndarray[Any, Any]], what: str) -> Any:
    if isinstance(value, str):
        if value not in columns:
            raise InvalidArgError(f"{where}: {what}={value!r} is no field of data")
        return columns[value]
    return value


def _ttl(where: str, ttl: Any, n: int) -> np.ndarray[Any, Any] | None:
    """Seconds as on the wire, an array of n."""
    if ttl is None:
        return None
    array = _integers(where, ttl, n, "ttl")
    wide = array.astype(np.int64)
    wide = np.where(wide < 0, wide + 2**32, wide)
    good = ((wide >= 0) & (wide <= 315_360_000)) | ((wide >= 2**32 - 3) & (wide < 2**32))
    if not good.all():
        row = int(np.argmin(good))
        raise InvalidArgError(
            f"{where}: ttl of row {row} is {array[row]}; 0 (the namespace's default), -1 (never expires), "
            "-2 (keep), -3 (the policy's) or 1 to 315360000 seconds are possible"
        )
    return np.ascontiguousarray(wide.astype(np.uint32))


def _generation(where: str, generation: Any, n: int) -> np.ndarray[Any, Any] | None:
    if generation is None:
        return None
    array = _integers(where, generation, n, "generation")
    good = (array >= 0) & (array <= 65535)
    if not good.all():
        row = int(np.argmin(good))
        raise InvalidArgError(
            f"{where}: generation of row {row} is {array[row]}; 0 to 65535 are possible"
        )
    return np.ascontiguousarray(array.astype(np.uint32))


def _integers(where: str, value: Any, n: int, what: str) -> np.ndarray[Any, Any]:
    array = np.asarray(value)
    if array.dtype.kind not in "iu":
        raise TypeError(f"{where}: {what} must be integers, not {array.dtype}")
    if array.ndim == 0:
        return np.full(n, array)
    if array.shape != (n,):
        raise InvalidArgError(f"{where}: {what} has shape {array.shape}, and ({n},) is needed")
    return array
