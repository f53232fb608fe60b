"""Where a batch read writes to: arrays made or taken, field by field, for each layout."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from .exception import InvalidArgError

ERROR_DTYPE = np.dtype(
    {
        "names": ["row", "field", "reason", "particle"],
        "formats": ["i8", "i4", "i2", "u1"],
        "offsets": [0, 8, 12, 14],
        "itemsize": 16,
    }
)
META_DTYPE = np.dtype([("gen", "u4"), ("ttl", "u4")])
ERRORS_MODES = {"raise": 0, "mask": 1, "unsafe": 2}
LAYOUTS = ("rows", "columns")


class Shape:
    """What a dtype, bins, a layout and fill come to: all of a read's arrays but their length."""

    __slots__ = ("bin_names", "bins", "dtype", "fills", "layout", "names", "objects", "samples")

    def __init__(
        self,
        layout: str,
        dtype: Any,
        samples: dict[str, np.ndarray[Any, Any]],
        bins: Any,
        fill: Any,
    ) -> None:
        self.layout = layout
        self.dtype = (
            dtype  # of the rows or the matrix; a dict of columns; None: the arrays are there
        )
        self.names = tuple(samples)
        renames, self.bins = _bins_of(self.names, bins, layout)
        self.bin_names = tuple(renames[name] for name in self.names)
        self.samples = tuple(zip(self.bin_names, (s[:0] for s in samples.values()), strict=True))
        self.fills, self.objects = _fills(samples, fill)

    def new(self, n: int) -> Any:
        """Arrays of n rows."""
        if self.layout == "columns":
            return {name: np.empty(n, d) for name, d in self.dtype.items()}
        if self.layout == "matrix":
            return np.empty((n, len(self.names)), self.dtype)
        make = np.empty if _is_packed(self.dtype) else np.zeros
        return make(n, self.dtype)

    def rows(self) -> tuple[Any, bool, bool, tuple[int, ...], Any] | None:
        """How the engine makes new arrays by itself; None where it can't."""
        dtype = self.dtype
        if self.layout == "columns" or dtype is None or self.objects:
            return None
        if self.layout == "matrix":
            if dtype.subdtype is not None:
                return None
            offsets = tuple(j * dtype.itemsize for j in range(len(self.names)))
            return dtype, True, False, offsets, META_DTYPE
        offsets = tuple(dtype.fields[name][1] for name in self.names)
        return dtype, False, not _is_packed(dtype), offsets, META_DTYPE

    def views(self, data: Any) -> Any:
        """One array a field."""
        if self.layout == "columns":
            return data.values()
        if self.layout == "matrix":
            return [data[:, j] for j in range(len(self.names))]
        return [data[name] for name in self.names]

    def fit(self, out: Any, n: int) -> Any:
        """Arrays of n rows that are given, which must be of this shape."""
        layout, views = _take_out(n, None, list(self.names), out)
        if layout != self.layout or set(views) != set(self.names):
            raise TypeError(
                f"reader: out has layout {layout!r} and fields {list(views)}; the reader's are "
                f"{self.layout!r} and {list(self.names)}"
            )
        for name, (_, sample) in zip(self.names, self.samples, strict=True):
            have = np.dtype((views[name].dtype, views[name].shape[1:]))
            wanted = np.dtype((sample.dtype, sample.shape[1:]))
            if have != wanted:
                raise TypeError(f"reader: field {name!r} of out is {have}, the reader's {wanted}")
        return {name: views[name] for name in self.names} if layout == "columns" else out


class Target:
    """The arrays of one read, and what the engine needs to know of them."""

    __slots__ = ("codes", "data", "fields", "meta", "missing", "shape")

    def __init__(self, n: int, shape: Shape, data: Any = None) -> None:
        self.shape = shape
        self.data = shape.new(n) if data is None else data
        self.fields = tuple(zip(shape.bin_names, shape.views(self.data), strict=True))
        for i, value in shape.objects:
            self.fields[i][1][...] = value
        self.codes = np.empty(n, np.int32)
        self.meta = np.empty(n, META_DTYPE)
        self.missing = np.zeros((n, (len(shape.names) + 7) // 8), np.uint8)


def check_layout(layout: str) -> None:
    if layout not in LAYOUTS:
        raise InvalidArgError(f"layout must be 'rows' or 'columns', not {layout!r}")


def _normal(dtype: Any) -> Any:
    """A dtype, or a list of (name, dtype) for columns that no structured dtype can hold."""
    if isinstance(dtype, Mapping) and not {"names", "formats"} <= set(dtype):
        dtype = list(dtype.items())
    if isinstance(dtype, np.dtype):
        return np.dtype(dtype, copy=True)  # another thread may rename the caller's
    if (
        isinstance(dtype, list)
        and dtype
        and all(isinstance(p, tuple) and len(p) == 2 for p in dtype)
    ):
        if any(getattr(p[1], "kind", "") == "T" for p in dtype):
            return dtype
    try:
        return np.dtype(dtype)
    except TypeError as error:
        raise TypeError(f"{dtype!r} is no dtype: {error}") from None


def shape_of(dtype: Any, bins: Any, layout: str, fill: Any) -> Shape:
    """The shape of new arrays."""
    check_layout(layout)
    spec = _normal(dtype)
    if isinstance(spec, list):
        if layout != "columns":
            raise TypeError("NumPy has no StringDType in structured dtypes; use layout='columns'")
        return _column_shape({str(name): d for name, d in spec}, bins, fill)
    if spec.names is None:
        samples = dict.fromkeys(_matrix_bins(spec, bins), np.empty(0, spec))
        return Shape("matrix", spec, samples, bins, fill)
    _refuse_overlap(spec)
    if layout == "columns":
        return _column_shape({name: spec.fields[name][0] for name in spec.names}, bins, fill)
    rows = np.empty(0, spec)
    return Shape("rows", spec, {name: rows[name] for name in spec.names}, bins, fill)


def _column_shape(dtypes: dict[str, Any], bins: Any, fill: Any) -> Shape:
    return Shape(
        "columns", dtypes, {name: np.empty(0, d) for name, d in dtypes.items()}, bins, fill
    )


def _is_packed(dtype: np.dtype[Any]) -> bool:
    """Whether rows have nothing that no field writes: padding, or objects."""
    assert dtype.names is not None and dtype.fields is not None
    size = sum(dtype.fields[name][0].itemsize for name in dtype.names)
    return size == dtype.itemsize and not dtype.hasobject


def is_nested(dtype: np.dtype[Any]) -> bool:
    """Whether a field has fields of its own."""
    return any(inner[0].base.names is not None for inner in (dtype.fields or {}).values())


def _matrix_bins(dtype: np.dtype[Any], bins: Any) -> list[str]:
    if isinstance(bins, Mapping):
        bins = list(bins)
    if isinstance(bins, (list, tuple)) and bins:
        names = [str(b) for b in bins]
        twice = [name for i, name in enumerate(names) if name in names[:i]]
        if twice:
            raise InvalidArgError(f"bins names {twice[0]!r} twice; a matrix has one column a bin")
        return names
    if isinstance(bins, str):
        raise TypeError("bins is a list of names, not a str")
    raise TypeError(
        f"dtype {dtype} has no fields; give a structured dtype, or bins=[...] for an (n, k) matrix"
    )


def _refuse_overlap(dtype: np.dtype[Any]) -> None:
    assert dtype.names is not None and dtype.fields is not None
    spans = sorted(
        (dtype.fields[name][1], dtype.fields[name][0].itemsize, name) for name in dtype.names
    )
    for (start, size, name), (following, _, other) in zip(spans, spans[1:], strict=False):
        if start + size > following:
            raise TypeError(f"fields {name!r} and {other!r} of the dtype overlap")
    for name in dtype.names:
        inner = dtype.fields[name][0].base
        if inner.names is not None:
            _refuse_overlap(inner)


def is_rows(n: int, dtype: Any, out: Any) -> bool:
    """Whether memory that is given is a structured array of n rows, whose shape is that of new ones."""
    if not isinstance(out, np.ndarray) or out.dtype.names is None or out.ndim != 1:
        return False
    if dtype is not None and dtype is not out.dtype:
        return False
    _check_out(out, n, "out")
    return True


def shape_of_out(n: int, dtype: Any, bins: Any, out: Any, fill: Any) -> tuple[Shape, Any]:
    """The shape of arrays of n rows that are given, and what holds them."""
    layout, views = _take_out(n, dtype, bins, out)
    return Shape(layout, None, views, bins, fill), views if layout == "columns" else out


def _take_out(
    n: int, dtype: Any, bins: Any, out: Any
) -> tuple[str, dict[str, np.ndarray[Any, Any]]]:
    """Layout and fields."""
    if isinstance(out, Mapping):
        columns = dict(out)
        for name, column in columns.items():
            _check_out(column, n, f"out[{name!r}]")
            if column.ndim < 1:
                raise InvalidArgError(f"out[{name!r}] is not an array of rows")
        _refuse_shared(columns)
        if dtype is not None:
            spec = _normal(dtype)
            wanted = (
                dict(spec) if isinstance(spec, list) else {k: spec[k] for k in spec.names or ()}
            )
            have = {k: np.dtype((c.dtype, c.shape[1:])) for k, c in columns.items()}
            if wanted != have:
                raise TypeError(f"out has dtypes {have}, and _dtype says {wanted}")
        return "columns", columns
    if not isinstance(out, np.ndarray):
        raise TypeError(
            f"out is a structured array, a dict of columns or a matrix, not {type(out).__name__}"
        )
    _check_out(out, n, "out")
    if dtype is not None and _normal(dtype) != out.dtype:
        raise TypeError(f"out has dtype {out.dtype}, and _dtype says {dtype}")
    if out.dtype.names is None:
        names = _matrix_bins(out.dtype, bins)
        if out.ndim != 2 or out.shape[1] != len(names):
            raise InvalidArgError(f"out has shape {out.shape}, and ({n}, {len(names)}) is needed")
        return "matrix", {name: out[:, j] for j, name in enumerate(names)}
    _refuse_overlap(out.dtype)
    if out.ndim != 1:
        raise InvalidArgError(f"out has shape {out.shape}, and ({n},) is needed")
    return "rows", {name: out[name] for name in out.dtype.names}


def _check_out(array: Any, n: int, what: str) -> None:
    if not isinstance(array, np.ndarray):
        raise TypeError(f"{what} is not an array but {type(array).__name__}")
    flags = array.flags
    if not flags.writeable:
        raise InvalidArgError(f"{what} is read-only")
    if array.ndim == 0 or len(array) != n:
        raise InvalidArgError(f"{what} has shape {array.shape}, and {n} rows are needed")
    if flags.c_contiguous:
        return
    needed = array.itemsize
    for stride, length in sorted(
        (abs(s), d) for s, d in zip(array.strides, array.shape, strict=True) if d > 1
    ):
        if stride < needed:
            raise InvalidArgError(f"rows of {what} overlap (strides {array.strides})")
        needed = stride * (length - 1) + needed


def _refuse_shared(columns: dict[str, np.ndarray[Any, Any]]) -> None:
    names = list(columns)
    for i, name in enumerate(names):
        for other in names[i + 1 :]:
            if _share(columns[name], columns[other]):
                raise InvalidArgError(f"columns {name!r} and {other!r} of out overlap")


def _share(a: np.ndarray[Any, Any], b: np.ndarray[Any, Any]) -> bool:
    """Whether two columns share a byte; two strided ones that can't be told apart cheaply count as such."""
    if not np.may_share_memory(a, b):
        return False
    shares: Any = np.shares_memory
    try:
        return bool(shares(a, b, max_work=10_000))
    except RuntimeError:  # TooHardError, which NumPy 1 and 2 keep in different places
        return True


def _bins_of(
    names: tuple[str, ...], bins: Any, layout: str
) -> tuple[dict[str, str], tuple[str, ...]]:
    """Bin name of each field, and the bins to ask for."""
    same = {name: name for name in names}
    if bins is None or (layout == "matrix" and not isinstance(bins, Mapping)):
        return same, names
    if isinstance(bins, Mapping):
        unknown = [field for field in bins if field not in same]
        if unknown:
            raise InvalidArgError(f"bins renames {unknown[0]!r}, which is no field of the dtype")
        same.update({field: str(name) for field, name in bins.items()})
        return same, tuple(same.values())
    if isinstance(bins, (str, bytes)):
        raise TypeError("bins is a list of names or a dict of field to bin name, not a str")
    return same, tuple(bins)


def _fills(
    samples: dict[str, np.ndarray[Any, Any]], fill: Any
) -> tuple[tuple[Any, ...], tuple[tuple[int, Any], ...]]:
    """A row of each field for where nothing came; and, by the field's place, what fields of O and T begin
    with: the binding makes their values, and what it does not reach stays.
    """
    if isinstance(fill, Mapping):
        for name in fill:
            if name not in samples:
                raise InvalidArgError(f"fill names {name!r}, which is no field")
    fills: list[Any] = []
    objects: list[tuple[int, Any]] = []
    for i, (name, sample) in enumerate(samples.items()):
        given = fill.get(name) if isinstance(fill, Mapping) else fill
        if sample.dtype.kind == "O":
            one: np.ndarray[Any, Any] = np.empty((), object)
            one[()] = given  # one object, also where it is a sequence
            objects.append((i, one))
            fills.append(None)
        elif sample.dtype.kind == "T":
            objects.append((i, given if given is not None else ""))
            fills.append(None)
        else:
            fills.append(_fill_of(name, sample, given))
    return tuple(fills), tuple(objects)


def _fill_of(name: str, sample: np.ndarray[Any, Any], given: Any) -> np.ndarray[Any, Any] | None:
    value = np.zeros(sample.shape[1:], sample.dtype)
    has_times = _set_not_a_time(value)
    if given is None:
        return value if has_times else None
    try:
        with np.errstate(over="ignore"):
            value[...] = given
        if _is_cut(value, given):
            raise ValueError("it would be changed")
    except (TypeError, ValueError, OverflowError) as error:
        raise InvalidArgError(f"fill {given!r} does not fit field {name!r}: {error}") from None
    return value


def _is_cut(value: np.ndarray[Any, Any], given: Any) -> bool:
    """Whether NumPy changed a number or a text in silence."""
    if value.dtype.kind == "V" and value.dtype.names is None:
        if isinstance(given, np.void):
            return given.nbytes > value.itemsize
        return isinstance(given, (bytes, bytearray)) and len(given) > value.itemsize
    if value.dtype.kind in "SU":
        size = value.itemsize // (4 if value.dtype.kind == "U" else 1)
        return isinstance(given, (str, bytes)) and len(given) > size
    wanted = np.asarray(given)
    if wanted.dtype.kind not in "iufb":
        return False
    if value.dtype.kind == "f":
        return bool((np.isfinite(wanted) & ~np.isfinite(value)).any())
    return value.dtype.kind in "iub" and not bool((value == wanted).all())


def _set_not_a_time(value: np.ndarray[Any, Any]) -> bool:
    """NaT for every time of a zeroed value, nested ones too."""
    if value.dtype.kind in "Mm":
        value[...] = np.array("NaT", value.dtype)
        return True
    if value.dtype.names is None:
        return False
    found = [_set_not_a_time(value[name]) for name in value.dtype.names]  # each of them
    return any(found)
