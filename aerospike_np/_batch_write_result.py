"""What became of the rows of a batch that writes, and what they came back with."""

from __future__ import annotations

from collections.abc import Callable, KeysView, Sequence
from typing import TYPE_CHECKING, Any

from . import _html
from ._batch_records import FullKeys, LazyRecords, overall
from ._codes import class_of
from ._lookup import Index
from ._numpy_batch_records import no_hook
from .exception import ClientError
from .types import AerospikeKey, BatchRecord, Record, RecordMetadata

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_MAX_CODES_NAMED = 8


class BatchWriteResult:
    """What became of each row of a batch that writes, in the order of the rows.

    ``len`` is over rows; by key there are ``get``, ``in``, ``keys`` and ``to_dict``, over the rows that are
    ok, and with the bins that they came back with: none after plain writes, the results of operations, and
    what a function returned as ``"SUCCESS"``. Of equal keys the first that is ok counts.

    Attributes
    ----------
    result_codes : ndarray of int32
        0: the server said ok to this call. Else, and not in doubt: no attempt applied it.
    gen : ndarray of uint32
        The record's generation after the write; 0 where it failed.
    in_doubt : ndarray of bool
        Applied zero or more times: the row was sent, and no definite answer came.
    attempts : ndarray of uint8
        How often the row was sent.

    Examples
    --------
    >>> result = client.batch_write([(("test", "demo", i), {"a": i}) for i in range(3)])
    >>> result.result_codes.tolist(), result.failed.tolist()
    ([0, 0, 0], [])
    >>> result.raise_for_status()
    """

    __slots__ = (
        "__weakref__",
        "_full_keys",
        "_index",
        "_keys",
        "_records",
        "_retry",
        "attempts",
        "gen",
        "in_doubt",
        "result_codes",
    )

    _next_step = ".partial.retry_failed() sends again those that are safe to send again"

    result_codes: NDArray[np.int32]
    gen: NDArray[np.uint32]
    in_doubt: NDArray[np.bool_]
    attempts: NDArray[np.uint8]

    def __init__(
        self,
        keys: Any,
        result_codes: Any,
        gen: Any,
        in_doubt: Any,
        attempts: Any,
        records: Any = None,
        retry: Callable[[Any], Any] | None = None,
    ) -> None:
        self.result_codes = result_codes
        self.gen = gen
        self.in_doubt = in_doubt
        self.attempts = attempts
        self._keys = keys
        self._records = records
        self._retry = retry
        self._index: Index | None = None
        self._full_keys = FullKeys(keys)

    def __len__(self) -> int:
        return len(self.result_codes)

    @property
    def batch_records(self) -> LazyRecords:
        """One BatchRecord a row: ``(key, result, record, in_doubt)``, made when asked for.

        ``record`` is None where the row failed, but for a function that did: then the bin ``"FAILURE"``
        has the server's words. After a plain write it has no bins, and a ttl of 0, which stands for "not
        known".
        """
        return LazyRecords(len(self), self._batch_record)

    def _batch_record(self, row: int) -> BatchRecord:
        parts = self._full_keys(row)
        make = getattr(self._records, "batch_record", None)
        if make is not None:
            made: BatchRecord = make(row, *parts)
            return made
        key = AerospikeKey(*parts)
        code = int(self.result_codes[row])
        return BatchRecord(key, code, self._record(row, key, code), bool(self.in_doubt[row]))

    def _record(self, row: int, key: Any, code: int) -> Record | None:
        if self._records is None:
            return Record(key, RecordMetadata(int(self.gen[row]), 0), {}) if code == 0 else None
        found = self._answer(row)
        if found is None or isinstance(found, Record):
            return found
        gen, ttl, bins = found
        return Record(key, RecordMetadata(gen, ttl), bins)

    def _answer(self, row: int) -> Any:
        records = self._records
        return records.record(row) if hasattr(records, "record") else records[row]

    # ---- by key ----

    def _by_key(self) -> Index:
        if self._index is None:
            import numpy as np

            self._index = Index(self._keys, np.flatnonzero(self.result_codes == 0).tolist())
        return self._index

    def _bins(self, row: int) -> dict[str, Any]:
        found = None if self._records is None else self._answer(row)
        return {} if found is None else found[2]

    def get(self, key: Any, default: Any = None) -> Any:
        """The bins that the row of a key came back with; ``default`` where none is ok."""
        row = self._by_key().row(key)
        return default if row < 0 else self._bins(row)

    def __contains__(self, key: object) -> bool:
        return self._by_key().row(key) >= 0

    def keys(self) -> KeysView[Any]:
        """User keys of the rows that are ok."""
        return self._by_key().user_keys().keys()

    def to_dict(self) -> dict[Any, dict[str, Any]]:
        """``{user key: bins}`` of the rows that are ok."""
        return {key: self._bins(row) for key, row in self._by_key().user_keys().items()}

    # ---- rows that failed ----

    @property
    def result(self) -> int:
        """0 if all rows ended with the codes 0, 2 (no record) or 27 (filtered out); else -16."""
        return overall(self.result_codes)

    @property
    def ok(self) -> NDArray[np.bool_]:
        """Whether the server said ok, one bool a row."""
        ok: NDArray[np.bool_] = self.result_codes == 0
        return ok

    @property
    def failed(self) -> NDArray[np.int64]:
        """Numbers of the rows that are not ok."""
        import numpy as np

        return np.flatnonzero(self.result_codes != 0).astype(np.int64, copy=False)

    def raise_for_status(self) -> None:
        """Raises if a row is not ok, the class of the first such row; ``partial`` is this result.

        Raises
        ------
        AerospikeError
            With counts by code in its message, the first row's key as ``key``, and ``in_doubt``
            if any row is.
        """
        failed = self.failed
        if not len(failed):
            return
        row = int(failed[0])
        code = int(self.result_codes[row])
        namespace, set_name, user_key, digest = self._keys.full_key(row)
        key = (
            (namespace, set_name, user_key)
            if digest is None
            else (namespace, set_name, user_key, digest)
        )
        n_doubt = int(self.in_doubt[failed].sum())
        doubt = f"; {n_doubt} of them may have been applied" if n_doubt else ""
        text = (
            f"{len(failed)} of {len(self)} rows failed: {self._counts(failed)}; the first is "
            f"row {row}, key {key!r}{self._words(row)}{doubt}. Rows are in "
            f".partial.failed; {self._next_step}"
        )
        raise class_of(code)(text, code, n_doubt > 0, key=key, partial=self)

    def _words(self, row: int) -> str:
        """The server's, on why a function failed."""
        found = None if self._records is None else self._answer(row)
        return "" if found is None else f": {found[2].get('FAILURE')}"

    def _counts(self, failed: Any) -> str:
        import numpy as np

        codes, counts = np.unique(self.result_codes[failed], return_counts=True)
        order = np.argsort(-counts, kind="stable")
        parts = [
            f"{int(counts[i])} with code {int(codes[i])} ({class_of(int(codes[i])).__name__})"
            for i in order[:_MAX_CODES_NAMED]
        ]
        if len(order) > _MAX_CODES_NAMED:
            parts.append(f"{int(counts[order[_MAX_CODES_NAMED:]].sum())} with others")
        return ", ".join(parts)

    def retry_failed(self) -> BatchWriteResult:
        """Sends the rows that failed and are safe to send once more, and takes in their results.

        Safe are rows that were never fully sent, and rows with codes 8, 11, 14 and 18; never rows
        that are in doubt, and never code 9.

        Returns
        -------
        BatchWriteResult
            This result, up to date.

        Raises
        ------
        AerospikeError
            The call failed as a whole; ``partial`` is this result.
        """
        import numpy as np

        from ._writing import add_attempts, safe_to_retry

        rows = np.flatnonzero(safe_to_retry(self.result_codes, self.in_doubt))
        if not len(rows):
            return self
        if self._retry is None:
            raise no_hook("retry_failed")
        codes, gen, in_doubt, attempts, exception = self._retry(rows)
        self.result_codes[rows] = codes
        self.gen[rows] = gen
        self.in_doubt[rows] = in_doubt
        add_attempts(self.attempts, rows, attempts)
        self._index = None
        if exception is not None:
            exception.partial = self
            raise exception
        return self

    def __repr__(self) -> str:
        failed = self.failed
        counts = f": {self._counts(failed)}" if len(failed) else ""
        return f"{type(self).__name__}(count={len(self)}, failed={len(failed)}{counts})"

    def _repr_html_(self) -> str:
        def row(i: int, shown: Sequence[str]) -> list[Any]:
            _, _, user_key, digest = self._keys.full_key(i)
            key = digest.hex() if user_key is None and digest is not None else user_key
            return [
                key,
                int(self.result_codes[i]),
                int(self.gen[i]),
                "yes" if self.in_doubt[i] else "no",
                int(self.attempts[i]),
            ]

        caption = f"{len(self)} rows, {len(self.failed)} failed"
        return _html.table(caption, ["key", "code", "gen", "in doubt", "attempts"], len(self), row)

    def __reduce__(self) -> tuple[Any, ...]:
        records = self._records
        if records is not None:
            records = [self._answer(i) for i in range(len(self))]
        return type(self), (
            self._keys,
            self.result_codes,
            self.gen,
            self.in_doubt,
            self.attempts,
            records,
        )


class TransformResult(BatchWriteResult):
    """What became of each row of ``batch_transform``, in the order of the keys.

    As :class:`BatchWriteResult`: 0 where the row was written, or where the function left it as it is (then
    ``attempts`` is 0); 3 where others were always faster; 2 where there is no record, or none any more.

    Attributes
    ----------
    rounds : ndarray of uint16
        How often the record was read and given to the function.
    """

    __slots__ = ("rounds",)

    _next_step = "batch_transform of their keys tries them again"

    rounds: NDArray[np.uint16]

    def __init__(
        self,
        keys: Any,
        result_codes: Any,
        gen: Any,
        in_doubt: Any,
        attempts: Any,
        rounds: Any,
    ) -> None:
        super().__init__(keys, result_codes, gen, in_doubt, attempts)
        self.rounds = rounds

    def retry_failed(self) -> BatchWriteResult:
        """Raises: what would be sent is no longer what the function would make of the records."""
        raise ClientError(
            "retry_failed: what a function made of records is not sent again; call batch_transform with the keys "
            "of the rows that failed"
        )

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (
            self._keys, self.result_codes, self.gen, self.in_doubt, self.attempts, self.rounds,
        )  # fmt: skip
