"""Batch reads into arrays."""

from __future__ import annotations

from collections.abc import Iterator, KeysView
from typing import TYPE_CHECKING, Any

from . import _html
from ._lookup import Index
from .exception import ClientError, ConversionError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from ._refresh import Origin

_REASONS = {
    1: "is of a kind that does not go there",
    2: "is out of range",
    3: "would lose digits",
    4: "has the wrong length",
    5: "is not valid text",
    6: "has another shape",
    7: "is malformed",
}
_STEPS = ("digests", "sending", "waiting", "decoding")
_PARTICLES = {
    0: "nil", 1: "an integer", 2: "a double", 3: "a string", 4: "a blob", 17: "a bool",
    18: "a HyperLogLog", 19: "a map", 20: "a list", 23: "a GeoJSON",
}  # fmt: skip


class NumpyBatchRecords:
    """Many records as arrays, one row a key, in the order of the keys.

    ``len``, ``[...]`` and iteration are over rows; by key there are ``get``, ``in``, ``keys`` and
    ``to_dict``, over the records that were found. Of equal keys the first wins.

    Attributes
    ----------
    batch_records : ndarray or dict of ndarray
        Layout ``"rows"``: a structured array of shape (n,). ``"columns"``: one array a field. A
        plain dtype: a matrix of shape (n, k).
    meta : ndarray
        Shape (n,), fields ``gen`` u4 and ``ttl`` u4: seconds left, 4294967295 where the record
        never expires. Zeros where there is no record.
    result_codes : ndarray of int32
        0 ok, 2 not found, -15 no reply, ...
    errors : ndarray
        What could not be converted: ``row`` i8, ``field`` i4 (its position), ``reason`` i2 (1 kind,
        2 range, 3 inexact, 4 length, 5 encoding, 6 shape, 7 malformed), ``particle`` u1.
    field_names : tuple of str
        Names of the fields, in the order that ``errors["field"]`` counts.
    layout : {"rows", "columns", "matrix"}
    timings : dict of str to float
        Seconds spent in ``digests``, ``sending``, ``waiting``, ``decoding``.

    Examples
    --------
    >>> import numpy as np
    >>> from aerospike_np import Keys
    >>> keys = Keys("test", "demo", ["a", "b"])
    >>> client.put(("test", "demo", "a"), {"price": 1.5})
    >>> found = client.batch_read(keys, _dtype=np.dtype([("price", "f8")]))
    >>> found.batch_records["price"].tolist(), found.mask["price"].tolist()
    ([1.5, 0.0], [False, True])
    >>> found.result_codes.tolist()
    [0, 2]
    """

    __slots__ = (
        "__weakref__", "_doubts", "_index", "_keys", "_mask", "_missing", "_origin", "_timings",
        "batch_records", "errors", "field_names", "layout", "meta", "result_codes",
    )  # fmt: skip

    batch_records: Any
    meta: NDArray[Any]
    result_codes: NDArray[np.int32]
    errors: NDArray[Any]
    field_names: tuple[str, ...]
    layout: str

    def __init__(
        self,
        data: Any,
        meta: Any,
        result_codes: Any,
        missing_bits: Any,
        field_names: Any,
        errors: Any,
        keys: Any,
        timings: Any,
        layout: str,
        origin: Origin | None = None,
        doubts: Any = None,
    ) -> None:
        self.batch_records = data
        self.meta = meta
        self.result_codes = result_codes
        self.field_names = tuple(field_names)
        self.errors = errors
        self.layout = layout
        self._timings = timings
        self._missing = missing_bits
        self._keys = keys
        self._origin = origin
        self._doubts = doubts
        self._mask: Any = None
        self._index: Index | None = None

    @property
    def timings(self) -> dict[str, float]:
        if isinstance(self._timings, tuple):
            self._timings = dict(zip(_STEPS, self._timings, strict=True))
        timings: dict[str, float] = self._timings
        return timings

    @property
    def in_doubt(self) -> NDArray[np.bool_]:
        """Of ``batch_operate``: applied zero or more times, as in :class:`BatchWriteResult`."""
        in_doubt: NDArray[np.bool_] = self._written()[0]
        return in_doubt

    @property
    def attempts(self) -> NDArray[np.uint8]:
        """Of ``batch_operate``: how often the row was sent; 0 where nothing writes."""
        attempts: NDArray[np.uint8] = self._written()[1]
        return attempts

    def _written(self) -> Any:
        if self._doubts is None:
            import numpy as np

            self._doubts = np.zeros(len(self), bool), np.zeros(len(self), np.uint8)
        return self._doubts

    # ---- by row ----

    def __len__(self) -> int:
        return len(self.result_codes)

    def __getitem__(self, index: Any) -> Any:
        """Rows by number, slice, or array of numbers or bools; a column by its name.

        A row is an ``np.void``, a dict (layout ``"columns"``) or a 1-D array (a matrix).
        """
        if isinstance(index, str):
            try:
                return self.columns[index]
            except KeyError:
                raise KeyError(
                    f"there is no field {index!r}; there are {', '.join(self.columns)}"
                ) from None
        if self.layout == "columns":
            return {name: column[index] for name, column in self.batch_records.items()}
        return self.batch_records[index]

    def __iter__(self) -> Iterator[Any]:
        return (self[i] for i in range(len(self)))

    def __array__(self, dtype: Any = None, copy: Any = None) -> NDArray[Any]:
        import numpy as np

        if self.layout == "columns":
            raise TypeError("there is no single array with layout='columns'; take .columns")
        array: NDArray[Any] = self.batch_records
        if dtype is not None and np.dtype(dtype) != array.dtype:
            if copy is False:
                raise ValueError(f"dtype {dtype} needs a copy of these {array.dtype} records")
            return array.astype(dtype)
        return array.copy() if copy else array

    @property
    def columns(self) -> dict[str, NDArray[Any]]:
        """One array a field: views of the rows; contiguous with layout ``"columns"``."""
        if self.layout == "columns":
            return dict(self.batch_records)
        if self.layout == "matrix":
            return {name: self.batch_records[:, i] for i, name in enumerate(self.field_names)}
        return {name: self.batch_records[name] for name in self.field_names}

    @property
    def mask(self) -> Any:
        """True where a value is missing or was refused, as in ``numpy.ma``.

        A structured array of bools, one a field; a dict of bool arrays with layout ``"columns"``;
        bools of shape (n, k) for a matrix.
        """
        if self._mask is None:
            self._mask = self._make_mask()
        return self._mask

    def _make_mask(self) -> Any:
        bits = self._bits()
        if self.layout == "matrix":
            return bits
        if self.layout == "columns":
            return {name: bits[:, i].copy() for i, name in enumerate(self.field_names)}
        import numpy as np

        dtype = np.dtype([(name, "?") for name in self.field_names])
        if not bits.size:
            return np.zeros(len(self), dtype)
        return bits.view(dtype).reshape(len(self))

    def _bits(self) -> NDArray[np.bool_]:
        """Bools of shape (n, k), C-contiguous."""
        import numpy as np

        n, k = len(self), len(self.field_names)
        if not n or not k:
            return np.zeros((n, k), bool)
        bits = np.unpackbits(self._missing, axis=1, count=k, bitorder="little")
        return np.ascontiguousarray(bits).view(np.bool_)

    def _column_mask(self, name: str) -> NDArray[np.bool_]:
        mask: NDArray[np.bool_]
        mask = (
            self.mask[:, self.field_names.index(name)]
            if self.layout == "matrix"
            else self.mask[name]
        )
        return mask

    @property
    def ok(self) -> NDArray[np.bool_]:
        """Whether the record was found and no field of it refused. A bin that isn't there is ok."""
        ok: NDArray[np.bool_] = self.result_codes == 0
        if len(self.errors):
            ok[self.errors["row"]] = False
        return ok

    def to_masked(self) -> Any:
        """The records as ``numpy.ma`` arrays: one, or with layout ``"columns"`` a dict of them.

        The data are shared, not copied.
        """
        import numpy as np

        if self.layout == "columns":
            return {
                name: self._masked_column(name, column)
                for name, column in self.batch_records.items()
            }
        if self.layout == "matrix":
            return np.ma.array(self.batch_records, mask=self.mask, copy=False)
        mask = np.zeros(len(self), np.ma.make_mask_descr(self.batch_records.dtype))
        for name in self.field_names:
            _spread(mask[name], self.mask[name])
        return np.ma.array(self.batch_records, mask=mask, copy=False)

    def _masked_column(self, name: str, column: NDArray[Any]) -> Any:
        import numpy as np

        mask = np.zeros(column.shape, np.ma.make_mask_descr(column.dtype))
        _spread(mask, self.mask[name])
        return np.ma.array(column, mask=mask, copy=False)

    # ---- by key ----

    def _by_key(self) -> Index:
        if self._index is None:
            import numpy as np

            self._index = Index(self._keys, np.flatnonzero(self.result_codes == 0).tolist())
        return self._index

    def get(self, key: Any, default: Any = None) -> Any:
        """The row of a key; ``default`` where the record is missing.

        Parameters
        ----------
        key : str, int, bytes, bytearray or tuple
            A user key, or ``(namespace, set, user key[, digest])``.
        """
        row = self._by_key().row(key)
        return default if row < 0 else self[row]

    def __contains__(self, key: object) -> bool:
        return self._by_key().row(key) >= 0

    def keys(self) -> KeysView[Any]:
        """User keys of the records that were found."""
        return self._by_key().user_keys().keys()

    def to_dict(self) -> dict[Any, dict[str, Any]]:
        """``{user key: {field: value}}`` of the records that were found, as Python values.

        Fields that are masked are left out.
        """
        rows = self._by_key().user_keys()
        where = list(rows.values())
        records: list[dict[str, Any]] = [{} for _ in where]
        for name, column in self.columns.items():
            values, masked = column[where].tolist(), self._column_mask(name)[where].tolist()
            for record, value, is_masked in zip(records, values, masked, strict=True):
                if not is_masked:
                    record[name] = value
        return dict(zip(rows, records, strict=True))

    # ---- again ----

    def refresh(self) -> Any:
        """Reads again what has changed since this was read, or since the last refresh, into the same arrays.

        A record that was not written since is not sent: the server looks at the time of its last update. So
        what was written to these arrays meanwhile stays in its rows. Deleted records are masked, with code 2.

        Returns
        -------
        ndarray of bool, shape (n,)
            True where the code, the generation, a value or its mask is another now; and where a record with
            object or StringDType fields was sent anew. To be awaited where the result is an AsyncClient's.

        Raises
        ------
        ConversionError, AerospikeTimeoutError, ClusterError
            As in ``batch_read``; ``.partial`` is this result, whose rows are those of before, or new.
        ClientError
            This result came out of a pickle, of ``to_numpy`` or of ``batch_operate``, or another refresh of it
            is under way.

        Examples
        --------
        >>> client.put(("test", "demo", "a"), {"price": 1.5})
        >>> client.put(("test", "demo", "b"), {"price": 2.0})
        >>> found = client.batch_read(["a", "b"], _dtype=[("price", "f8")], namespace="test", set_name="demo")
        >>> client.put(("test", "demo", "b"), {"price": 2.5})
        >>> found.refresh().tolist(), found["price"].tolist()
        ([False, True], [1.5, 2.5])
        """
        if self._origin is None:
            raise ClientError(
                "refresh: this result came out of a pickle, of to_numpy or of batch_operate; read it again"
            )
        return self._origin.refresh(self)

    # ---- shown and sent ----

    def __repr__(self) -> str:
        n_ok = int((self.result_codes == 0).sum())
        return f"NumpyBatchRecords(count={len(self)}, ok={n_ok}, fields={list(self.field_names)})"

    def _repr_html_(self) -> str:
        columns = self.columns

        def row(i: int, shown: Any) -> list[Any]:
            cells: list[Any] = [_shown_key(self._keys, i), int(self.result_codes[i])]
            for name in shown[2:]:
                cells.append(_html.MISSING if self._column_mask(name)[i] else columns[name][i])
            return cells

        return _html.table(repr_caption(self), ["key", "code", *self.field_names], len(self), row)

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (
            self.batch_records, self.meta, self.result_codes, self._missing, self.field_names,
            self.errors, self._keys, self.timings, self.layout, None, self._doubts,
        )  # fmt: skip


def repr_caption(result: NumpyBatchRecords) -> str:
    """The line above a result's table."""
    n_ok = int((result.result_codes == 0).sum())
    return f"{len(result)} rows, {n_ok} found, {len(result.errors)} values refused"


def _shown_key(keys: Any, row: int) -> Any:
    _, _, user_key, digest = keys.full_key(row)
    return user_key if user_key is not None or digest is None else digest.hex()


def _spread(mask: NDArray[Any], rows: NDArray[np.bool_]) -> None:
    """A bool a row, to every part of a mask of sub-arrays or nested fields."""
    if mask.dtype.names is not None:
        for name in mask.dtype.names:
            _spread(mask[name], rows)
    else:
        mask[...] = rows.reshape(rows.shape + (1,) * (mask.ndim - 1))


# ---- values that did not fit ----


def raise_conversion(result: NumpyBatchRecords) -> None:
    """Raises the ConversionError of a result with errors; the result is its ``partial``."""
    if not len(result.errors):
        return
    first = result.errors[0]
    row, field = int(first["row"]), int(first["field"])
    name = result.field_names[field] if 0 <= field < len(result.field_names) else str(field)
    namespace, set_name, user_key, digest = result._keys.full_key(row)
    key = (
        (namespace, set_name, user_key)
        if digest is None
        else (namespace, set_name, user_key, digest)
    )
    raise ConversionError(
        _conversion_text(result, row, name, key), key=key, bin=name, partial=result
    )


def _conversion_text(result: NumpyBatchRecords, row: int, name: str, key: tuple[Any, ...]) -> str:
    first, count = result.errors[0], len(result.errors)
    particle = _PARTICLES.get(
        int(first["particle"]), f"a value of particle type {int(first['particle'])}"
    )
    reason = _REASONS.get(int(first["reason"]), f"does not fit (reason {int(first['reason'])})")
    columns = result.columns
    field = f", field of {columns[name].dtype}" if name in columns else ""
    values = "1 value does" if count == 1 else f"{count} values do"
    which = "it is" if count == 1 else "the first is"
    return (
        f"{values} not fit the dtype; {which} in row {row}, key {key!r}, "
        f"bin {name!r}{field}: {particle} that {reason}. All rows are in .partial and their errors "
        "in .partial.errors; pass errors='mask' to mask such values, or use a wider field"
    )


def no_hook(what: str) -> ClientError:
    """For what a result can't do any more after it was pickled."""
    return ClientError(
        f"{what}: this result came out of a pickle and has no client; do it before pickling"
    )
