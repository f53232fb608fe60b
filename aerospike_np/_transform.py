"""``batch_transform``: what a function makes of records, written back where nobody else has written since."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Generator, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from . import _keys, _writing
from ._batch_data import Returned, one_ttl, write_flags
from ._naming import called
from ._results import TransformResult
from .exception import ConversionError, InvalidArgError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ._engine import Core, Request
    from ._numpy_batch_records import NumpyBatchRecords
    from ._tables import Plan

_WHERE = "batch_transform"
_NOT_FOUND, _LOST_RACE, _NOT_SENT = 2, 3, -1


class Transform:
    """The rounds of a transform, driven request by request."""

    def __init__(
        self,
        core: Core,
        keys: Any,
        plan: Plan,
        fn: Callable[..., Any],
        retries: int,
        policy: Any,
        *,
        create: bool,
        with_mask: bool,
        with_rows: bool,
        renames: Mapping[str, str],
        ttl: int,
        bytes_as: str,
        subarrays: str,
    ) -> None:
        if not callable(fn):
            raise TypeError(f"{_WHERE}: fn is a function of an array, not {type(fn).__name__}")
        if inspect.iscoroutinefunction(fn):
            raise TypeError(
                f"{_WHERE}: fn is a plain function; an async one can't be awaited in between"
            )
        if policy.get("gen") is not None:
            raise InvalidArgError(
                f"{_WHERE}: leave 'gen' out of the policy: a record is written at the generation that was read"
            )
        self.core, self.keys, self.plan, self.policy = core, _keys.view(keys), plan, policy
        self.fn, self.create, self.with_mask, self.with_rows = fn, create, with_mask, with_rows
        self.retries = _writing.check_retry(retries, "retries")
        self.renames, self.ttl = renames, one_ttl(_WHERE, ttl)
        # A row of which all is masked is left as it is.
        self.flags = write_flags(_WHERE, "keep", bytes_as, subarrays, "skip")
        n = len(keys)
        self.codes, self.gen = np.full(n, _NOT_SENT, np.int32), np.zeros(n, np.uint32)
        self.in_doubt, self.attempts = np.zeros(n, bool), np.zeros(n, np.uint8)
        self.rounds = np.zeros(n, np.uint16)
        self._written(np.arange(0), (), None, None, None)  # refuses the policy before all else

    def steps(self) -> Generator[Request, Any, TransformResult]:
        """A generator: yields requests, gets what they came to, returns the result."""
        try:
            yield from self._rounds()
        except Exception as error:
            if self.attempts.any() and getattr(error, "partial", None) is None:
                self._tell(error)
            raise
        return self._result()

    def _rounds(self) -> Generator[Request, Any, None]:
        rows = np.arange(len(self.codes))
        for _ in range(self.retries + 1):
            found = yield from self._read(rows)
            sent = found.result_codes == 0
            if self.create:
                sent |= found.result_codes == _NOT_FOUND
            made = self._made(found, rows, sent)
            if made is None:
                self.codes[rows[sent]] = 0
                return
            rows = yield from self._write(found, rows[sent], made)
            if not len(rows):
                return

    def _read(self, rows: NDArray[np.intp]) -> Generator[Request, Any, NumpyBatchRecords]:
        keys = self.keys if len(rows) == len(self.keys) else self.keys.take(rows)
        found, failure = yield self.plan.again(_keys.engine_keys(keys))
        self.rounds[rows] += 1
        is_over = found.result_codes != 0
        self.codes[rows[is_over]] = found.result_codes[is_over]
        self._check(failure)
        if len(found.errors):
            self._check(_misfit(found))
        return found  # type: ignore[no-any-return]

    def _made(
        self, found: NumpyBatchRecords, rows: NDArray[np.intp], sent: NDArray[np.bool_]
    ) -> Returned | None:
        """What the function makes of the rows, of those that are to be written."""
        array = found.to_masked() if self.with_mask else found.batch_records
        made = self.fn(array, rows) if self.with_rows else self.fn(array)
        if made is None:
            return None
        names = found.field_names
        if found.layout == "matrix" and getattr(made, "shape", None) == (len(rows), len(names)):
            made = {name: made[:, i] for i, name in enumerate(names)}
        kept: dict[str, Any] = {}
        if not self.with_mask:  # what was missing stays missing
            was_there = found.result_codes == 0
            kept = {name: found._column_mask(name) & was_there for name in names}
        return Returned(_WHERE, made, len(rows), sent, kept, self.renames)

    def _write(
        self, found: NumpyBatchRecords, rows: NDArray[np.intp], made: Returned
    ) -> Generator[Request, Any, NDArray[np.intp]]:
        """Writes; the rows that somebody else has written meanwhile."""
        if not len(rows):
            return rows
        generation = np.ascontiguousarray(found.meta["gen"][made.sent])
        ttl = np.full(len(rows), self.ttl, np.uint32)
        request = self._written(rows, made.fields, made.masks, ttl, generation)
        (codes, gen, in_doubt, attempts), failure = yield request
        self.codes[rows], self.gen[rows], self.in_doubt[rows] = codes, gen, in_doubt
        _writing.add_attempts(self.attempts, rows, attempts)
        self._check(failure)
        lost: NDArray[np.intp] = rows[(codes == _LOST_RACE) & ~in_doubt]
        return lost

    def _written(self, rows: NDArray[np.intp], *arguments: Any) -> Request:
        """The request that writes rows, not sent yet."""
        with called(_WHERE):
            request, _ = _writing.writing(
                self.core.batch_write_table,
                (self._keys_of(rows), *arguments, self.flags),
                len(rows),
                self.policy,
                None,
            )
        return request

    def _keys_of(self, rows: NDArray[np.intp]) -> Any:
        is_all = len(rows) == len(self.keys)
        return _keys.engine_keys(self.keys if is_all else self.keys.take(rows))

    def _check(self, failure: BaseException | None) -> None:
        if failure is not None:
            self._tell(failure)
            raise failure

    def _tell(self, error: BaseException) -> None:
        """What is known of the rows, to an error."""
        error.partial = self._result()  # type: ignore[attr-defined]
        error.in_doubt = bool(self.in_doubt.any())  # type: ignore[attr-defined]

    def _result(self) -> TransformResult:
        return TransformResult(
            self.keys, self.codes, self.gen, self.in_doubt, self.attempts, self.rounds
        )


def _misfit(found: NumpyBatchRecords) -> ConversionError:
    row, field = (int(found.errors[0][what]) for what in ("row", "field"))
    name, key = found.field_names[field], found._keys[row]
    return ConversionError(
        f"{_WHERE}: values of {len(found.errors)} fields do not fit the dtype, the first of them that of {name!r} "
        f"of key {key!r}; nothing of this round was written. Use a wider field",
        key=key,
        bin=name,
    )
