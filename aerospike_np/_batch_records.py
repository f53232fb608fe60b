"""Batch reads as records."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, overload

from . import _html
from ._lookup import Index
from ._numpy_batch_records import NumpyBatchRecords, no_hook
from .types import AerospikeKey, BatchRecord, Record, RecordMetadata

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


class FullKeys:
    """The keys of rows with their digests, which are computed where they aren't known.

    Many are made at a time: whoever asks for one mostly asks for the next.
    """

    __slots__ = ("_keys", "_some")

    def __init__(self, keys: Any) -> None:
        self._keys = keys
        self._some = 0, b""  # the first one's number, and 20 bytes each

    def __call__(self, row: int) -> tuple[str, str, Any, bytes]:
        namespace, set_name, user_key, digest = self._keys.full_key(row)
        return namespace, set_name, user_key, self._digest(row) if digest is None else digest

    def _digest(self, row: int) -> bytes:
        first, digests = self._some
        at = (row - first) * 20
        if not 0 <= at < len(digests):
            first = row - row % _DIGESTS
            digests = self._keys.slice(first, first + _DIGESTS).digest_bytes()
            self._some = first, digests
            at = (row - first) * 20
        return digests[at : at + 20]


def overall(result_codes: Any) -> int:
    """What the codes of a batch's rows come to."""
    import numpy as np

    return 0 if np.isin(result_codes, (0, 2, 27)).all() else -16


_DIGESTS = 256


class LazyRecords(Sequence[BatchRecord]):
    """A sequence of BatchRecord, each made when it is asked for."""

    __slots__ = ("_make", "_n")

    def __init__(self, n: int, make: Callable[[int], BatchRecord]) -> None:
        self._n = n
        self._make = make

    def __len__(self) -> int:
        return self._n

    @overload
    def __getitem__(self, index: int) -> BatchRecord: ...
    @overload
    def __getitem__(self, index: slice) -> list[BatchRecord]: ...
    def __getitem__(self, index: Any) -> Any:
        if isinstance(index, slice):
            return [self._make(i) for i in range(*index.indices(self._n))]
        row = index.__index__()
        if not -self._n <= row < self._n:
            raise IndexError(f"row {row} of {self._n}")
        return self._make(row % self._n)

    def __iter__(self) -> Iterator[BatchRecord]:
        return map(self._make, range(self._n))

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, (list, LazyRecords)):
            return NotImplemented
        return len(self) == len(other) and all(a == b for a, b in zip(self, other, strict=True))

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        shown = ", ".join(repr(record) for record in self[:3])
        return f"[{shown}{', ...' if self._n > 3 else ''}] ({self._n} records)"


class BatchRecords(Mapping[Any, dict[str, Any]]):
    """Records of a batch read: a Mapping from user key to bins, over the records that were found.

    Of equal user keys the first that was found wins; ``[...]`` and ``get`` also take full key
    tuples. In the order of the keys, and with what was not found, there are ``batch_records`` and
    ``result_codes``. Records are decoded when they are asked for, each time anew.

    Examples
    --------
    >>> client.put(("test", "demo", "a"), {"price": 1.5})
    >>> found = client.batch_read([("test", "demo", "a"), ("test", "demo", "nobody")])
    >>> found["a"], "nobody" in found, len(found)
    ({'price': 1.5}, False, 1)
    >>> [record.result for record in found.batch_records]
    [0, 2]
    """

    __slots__ = ("__weakref__", "_full_keys", "_hook", "_index", "_keys", "_raw")

    def __init__(self, keys: Any, raw: Any, numpy_hook: Callable[..., Any] | None = None) -> None:
        self._keys = keys
        self._raw = raw
        self._hook = numpy_hook
        self._index: Index | None = None
        self._full_keys = FullKeys(keys)

    @property
    def result_codes(self) -> NDArray[np.int32]:
        """Result codes, one a key: 0 ok, 2 not found, -15 no reply, ..."""
        codes: NDArray[np.int32] = self._raw.result_codes
        return codes

    @property
    def result(self) -> int:
        """0 if all rows ended with the codes 0, 2 (no record) or 27 (filtered out); else -16."""
        return overall(self.result_codes)

    @property
    def batch_records(self) -> LazyRecords:
        """One BatchRecord a key, in the order of the keys: ``(key, result, record, in_doubt)``."""
        return LazyRecords(len(self._raw), self._batch_record)

    def _batch_record(self, row: int) -> BatchRecord:
        made: BatchRecord = self._raw.batch_record(row, *self._full_keys(row))
        return made

    def found_count(self) -> int:
        """How many rows have a record; equal keys count each time."""
        return int((self.result_codes == 0).sum())

    # ---- by key ----

    def _by_key(self) -> Index:
        if self._index is None:
            import numpy as np

            self._index = Index(self._keys, np.flatnonzero(self.result_codes == 0).tolist())
        return self._index

    def _bins(self, row: int) -> dict[str, Any]:
        record = self._raw.record(row)
        return {} if record is None else record[2]

    def __getitem__(self, key: Any) -> dict[str, Any]:
        row = self._by_key().row(key)
        if row < 0:
            raise KeyError(key)
        return self._bins(row)

    def __contains__(self, key: object) -> bool:
        return self._by_key().row(key) >= 0

    def __iter__(self) -> Iterator[Any]:
        return iter(self._by_key().user_keys())

    def __len__(self) -> int:
        return len(self._by_key().user_keys())

    def to_dict(self) -> dict[Any, dict[str, Any]]:
        """``{user key: bins}``, all decoded now."""
        return {key: self._bins(row) for key, row in self._by_key().user_keys().items()}

    def as_dict(self) -> dict[Any, dict[str, Any]]:
        """The same as ``to_dict``."""
        return self.to_dict()

    def to_numpy(self, dtype: Any, **options: Any) -> NumpyBatchRecords:
        """The same records as arrays, without another request.

        Parameters
        ----------
        dtype : dtype
            As ``batch_read(_dtype=)``.
        **options
            ``bins``, ``layout``, ``out``, ``errors`` and ``fill``, as ``batch_read`` takes them.

        Raises
        ------
        ConversionError
            Values did not fit, and ``errors`` is ``"raise"``.
        """
        if self._hook is None:
            raise no_hook("to_numpy")
        result: NumpyBatchRecords = self._hook(dtype, **options)
        return result

    # ---- shown and sent ----

    def __repr__(self) -> str:
        return f"BatchRecords(count={len(self._raw)}, found={self.found_count()})"

    def _repr_html_(self) -> str:
        n = len(self._raw)
        records = self.batch_records[: _html.MAX_ROWS]
        names = list(
            dict.fromkeys(name for r in records if r.record for name in r.record.bins or ())
        )

        def row(i: int, shown: Sequence[str]) -> list[Any]:
            key, result, record, _ = records[i]
            assert key is not None
            shown_key = key.digest.hex() if key.user_key is None else key.user_key
            bins = (record.bins if record is not None else None) or {}
            return [shown_key, result, *(bins.get(name, _html.MISSING) for name in shown[2:])]

        return _html.table(f"{n} rows, {self.found_count()} found", ["key", "code", *names], n, row)

    def __reduce__(self) -> tuple[Any, ...]:
        raw = self._raw
        n = len(raw)
        kept = Kept(
            raw.result_codes,
            [raw.record(i) for i in range(n)],
            [i for i in range(n) if raw.in_doubt(i)],
        )
        return type(self), (self._keys, kept)


class Kept:
    """Records that were decoded already, as ``BatchRecords`` takes them: what a pickle holds."""

    __slots__ = ("_doubtful", "_records", "result_codes")

    def __init__(self, result_codes: Any, records: list[Any], doubtful: list[int]) -> None:
        self.result_codes = result_codes
        self._records = records
        self._doubtful = frozenset(doubtful)

    def __len__(self) -> int:
        return len(self._records)

    def code(self, row: int) -> int:
        return int(self.result_codes[row])

    def record(self, row: int) -> Any:
        return self._records[row]

    def batch_record(
        self, row: int, namespace: str, set_name: str, user_key: Any, digest: bytes
    ) -> BatchRecord:
        key = AerospikeKey(namespace, set_name, user_key, digest)
        raw = self.record(row)
        record = None if raw is None else Record(key, RecordMetadata(raw[0], raw[1]), raw[2])
        return BatchRecord(key, self.code(row), record, self.in_doubt(row))

    def in_doubt(self, row: int) -> bool:
        return row in self._doubtful
