"""What ``batch_write_numpy`` takes, made uniform: arrays by bin, keys, masks, times to live."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from ._keys import Keys
from .exception import InvalidArgError

_WHERE = "batch_write_numpy"


class Source:
    """The arrays of one write, and what the engine needs to know of them."""

    __slots__ = ("fields", "flags", "generation", "keys", "masks", "n", "ttl")

    def __init__(
        self,
        data: Any,
        namespace: str,
        set_name: str | None,
        dtype: Any,
        key_field: str,
        mask: Any,
        ttl: Any,
        generation: Any,
        masked: str,
        empty: str,
        bytes_as: str,
        subarrays: str,
    ) -> None:
        columns, masks = _columns(data, dtype)
        if key_field not in columns:
            raise InvalidArgError(
                f"{_WHERE}: there is no field {key_field!r} for the keys; fields are "
                f"{', '.join(map(repr, columns))}; name it with key_field="
            )
        self.n = len(columns[key_field])
        _add_mask(masks, mask, columns, self.n)
        key_mask = masks.pop(key_field, None)
        if key_mask is not None and key_mask.any():
            raise InvalidArgError(
                f"{_WHERE}: row {int(key_mask.argmax())} has no key: it is masked"
            )
        self.keys = Keys(namespace, set_name, columns[key_field])
        self.ttl = _ttl(_field_or(ttl, columns, "ttl"), self.n)
        self.generation = _generation(_field_or(generation, columns, "generation"), self.n)
        bins = [name for name in columns if name != key_field and not name.startswith("_")]
        self.fields = tuple((name, columns[name]) for name in bins)
        self.masks = tuple(masks.get(name) for name in bins) if masks else None
        self.flags = (
            _choice(masked, "masked", "keep", "remove")
            | _choice(bytes_as, "bytes_as", "blob", "str") << 1
            | _choice(subarrays, "subarrays", "blob", "list") << 2
            | _choice(empty, "empty", "raise", "skip") << 3
        )
        if not bins and self.n and not self.flags & 8:
            raise InvalidArgError(
                f"{_WHERE}: there is nothing to write: no field but {key_field!r} and those that "
                "begin with '_'"
            )


def _choice(value: str, what: str, off: str, on: str) -> int:
    if value not in (off, on):
        raise InvalidArgError(f"{_WHERE}: {what} must be {off!r} or {on!r}, not {value!r}")
    return int(value == on)


def _columns(
    data: Any, dtype: Any
) -> tuple[dict[str, np.ndarray[Any, Any]], dict[str, np.ndarray[Any, Any]]]:
    """Arrays by name, each with a row in its first axis, and the masks that came with the data."""
    if isinstance(data, Mapping):
        _refuse_dtype(dtype, "a dict of columns")
        return _from_mapping(data)
    if hasattr(data, "columns") and hasattr(data, "iloc"):
        _refuse_dtype(dtype, "a DataFrame")
        return _from_frame(data)
    if not isinstance(data, np.ndarray):
        raise TypeError(
            f"{_WHERE}: data is a structured array, a dict of columns or a pandas DataFrame, not "
            + f"{type(data).__module__}.{type(data).__qualname__}".removeprefix("builtins.")
        )
    if data.dtype.names is None:
        raise TypeError(f"{_WHERE}: data has dtype {data.dtype}, which has no fields")
    if data.ndim != 1:
        raise InvalidArgError(
            f"{_WHERE}: data has shape {data.shape}; one row after the other is needed"
        )
    if dtype is not None:
        wanted = np.dtype(dtype)
        if wanted != data.dtype:
            data = _as_view(data, wanted)
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


def _as_view(data: np.ndarray[Any, Any], dtype: np.dtype[Any]) -> np.ndarray[Any, Any]:
    if dtype.names is None or dtype.itemsize != data.dtype.itemsize or dtype.hasobject:
        raise TypeError(f"{_WHERE}: _dtype {dtype} is not a view of data's {data.dtype}")
    try:
        return data.view(dtype)
    except (TypeError, ValueError):
        raise TypeError(f"{_WHERE}: _dtype {dtype} is not a view of data's {data.dtype}") from None


def _refuse_dtype(dtype: Any, what: str) -> None:
    if dtype is not None:
        raise TypeError(f"{_WHERE}: _dtype is for structured arrays; {what} has its own dtypes")


def _from_mapping(
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
            raise TypeError(f"{_WHERE}: column {name!r} is not an array of rows")
        columns[str(name)] = array
        if mask is not None and mask.any():
            masks[str(name)] = mask
    lengths = {name: len(column) for name, column in columns.items()}
    if len(set(lengths.values())) > 1:
        raise InvalidArgError(f"{_WHERE}: the columns have different lengths: {lengths}")
    return columns, masks


def _from_frame(
    frame: Any,
) -> tuple[dict[str, np.ndarray[Any, Any]], dict[str, np.ndarray[Any, Any]]]:
    names = [str(name) for name in frame.columns]
    for name in names:
        if names.count(name) > 1:
            raise InvalidArgError(f"{_WHERE}: the DataFrame has more than one column {name!r}")
    return _from_mapping({str(name): frame[name] for name in frame.columns})


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
            f"{_WHERE}: mask is a bool structured array with data's field names, or a dict of bool "
            "arrays"
        )
    for name, column in mask.items():
        if name not in columns:
            raise InvalidArgError(f"{_WHERE}: mask names {name!r}, which is no field of data")
        column = np.asarray(column)
        if column.dtype.kind == "V" or column.ndim > 1:
            column = _one_bool(column)
        if column.dtype != bool or column.shape != (n,):
            raise InvalidArgError(
                f"{_WHERE}: mask[{name!r}] must be {n} bools, not {column.dtype} of shape {column.shape}"
            )
        masks[name] = masks[name] | column if name in masks else column


def _field_or(value: Any, columns: dict[str, np.ndarray[Any, Any]], what: str) -> Any:
    if isinstance(value, str):
        if value not in columns:
            raise InvalidArgError(f"{_WHERE}: {what}={value!r} is no field of data")
        return columns[value]
    return value


def _ttl(ttl: Any, n: int) -> np.ndarray[Any, Any] | None:
    """Seconds as on the wire, an array of n."""
    if ttl is None:
        return None
    array = _integers(ttl, n, "ttl")
    wide = array.astype(np.int64)
    wide = np.where(wide < 0, wide + 2**32, wide)
    wide = np.where(wide == 2**32 - 3, 0, wide)
    good = ((wide >= 0) & (wide <= 315_360_000)) | (wide == 2**32 - 1) | (wide == 2**32 - 2)
    if not good.all():
        row = int(np.argmin(good))
        raise InvalidArgError(
            f"{_WHERE}: ttl of row {row} is {array[row]}; 0 (the namespace's default), -1 (never expires), "
            "-2 (keep) or 1 to 315360000 seconds are possible"
        )
    return np.ascontiguousarray(wide.astype(np.uint32))


def _generation(generation: Any, n: int) -> np.ndarray[Any, Any] | None:
    if generation is None:
        return None
    array = _integers(generation, n, "generation")
    good = (array >= 0) & (array <= 65535)
    if not good.all():
        row = int(np.argmin(good))
        raise InvalidArgError(
            f"{_WHERE}: generation of row {row} is {array[row]}; 0 to 65535 are possible"
        )
    return np.ascontiguousarray(array.astype(np.uint32))


def _integers(value: Any, n: int, what: str) -> np.ndarray[Any, Any]:
    array = np.asarray(value)
    if array.dtype.kind not in "iu":
        raise TypeError(f"{_WHERE}: {what} must be integers, not {array.dtype}")
    if array.ndim == 0:
        return np.full(n, array)
    if array.shape != (n,):
        raise InvalidArgError(f"{_WHERE}: {what} has shape {array.shape}, and ({n},) is needed")
    return array
