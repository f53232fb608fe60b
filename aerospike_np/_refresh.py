"""``refresh``: a result is asked for again, as far as its records have changed.

A first request, of no bins, has a filter that holds for records that were written lately, by the clock of the
server that looks at it: so an unchanged record costs the head of a reply. What else is answered is read a second
time, whole.

"Lately" is a length of time, never a time of day: from when the result was read to now, by this machine's clock,
and ``overlap`` more. That is for what passes until the server looks at the record, for replicas that learn of a
write later, and for nodes whose clocks differ. Answers that took longer than that do not count.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Generator
from typing import TYPE_CHECKING, Any, NoReturn

import numpy as np

from . import _keys
from ._numpy_batch_records import raise_conversion
from .exception import ClientError
from .exp import since_update

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ._engine import Request
    from ._layout import Shape
    from ._numpy_batch_records import NumpyBatchRecords
    from ._tables import Plan

_AGE = since_update()
_OVERLAP = 0.5  # seconds, at least
_NEVER = 0xFFFFFFFF


def clocks() -> tuple[float, float]:
    """Two clocks, of which one may stand still and the other be set back."""
    return time.clock_gettime(time.CLOCK_BOOTTIME), time.time()


def _since(then: tuple[float, float]) -> float:
    return max(now - before for now, before in zip(clocks(), then, strict=True))


class Origin:
    """Where a result came from."""

    __slots__ = ("_aged", "_begun", "_digests", "_do", "_is_busy", "plan")

    def __init__(self, plan: Plan, do: Callable[..., Any]) -> None:
        self.plan = plan
        self._do = do
        self._begun = clocks()
        self._aged = self._begun[0]  # when the times to live of unchanged records were right
        self._digests: Any = None
        self._is_busy = False

    def refresh(self, found: NumpyBatchRecords) -> Any:
        return self._do(_Refresh, self, found)


class _Refresh:
    """A refresh under way, driven request by request."""

    def __init__(self, origin: Origin, found: NumpyBatchRecords) -> None:
        self.origin, self.found = origin, found

    def steps(self) -> Generator[Request, Any, Any]:
        """A generator: yields requests, gets what they came to, returns which rows have changed."""
        origin, found = self.origin, self.found
        if origin._is_busy:
            raise ClientError("refresh: another refresh of this result is under way")
        origin._is_busy = True
        try:
            begun = clocks()
            changed = np.zeros(len(found), bool)
            rows, timings = yield from self._look()
            self._age()
            if len(rows):
                changed[rows] = yield from self._read(rows)
                timings = tuple(map(sum, zip(timings, found._timings, strict=True)))
            found._timings = timings
            origin._begun = begun
            return changed
        finally:
            origin._is_busy = False

    def _look(self) -> Generator[Request, Any, tuple[NDArray[np.int64], Any]]:
        """The rows that are not known to be as they were."""
        origin, found = self.origin, self.found
        if origin._digests is None:  # kept: to make them is a third of the work
            origin._digests = _keys.digested(found._keys)
        begun = clocks()
        overlap = max(_OVERLAP, 4 * sum(found.timings.values()))
        lately = _AGE < math.ceil(1000 * (_since(origin._begun) + overlap))
        answer, failure = yield origin.plan.look(origin._digests, found.result_codes, lately)
        if failure is not None:
            raise_with(failure, found)
        rows, timings = answer
        if _since(begun) > overlap:
            return np.arange(len(found)), timings
        return np.sort(np.frombuffer(rows, np.int64)), timings

    def _read(self, rows: NDArray[np.int64]) -> Generator[Request, Any, NDArray[np.bool_]]:
        """Reads these rows anew; which of them differ."""
        found, plan = self.found, self.origin.plan
        part, failure = yield plan.again(_keys.engine_keys(found._keys.take(rows)))
        differs = _take_in(found, plan.shape, rows, part)
        if failure is not None:
            raise_with(failure, found)
        if len(part.errors) and plan.errors == "raise":
            raise_conversion(found)
        return differs

    def _age(self) -> None:
        """Takes the whole seconds that have passed from times to live."""
        seconds = int(clocks()[0] - self.origin._aged)
        if seconds <= 0:
            return
        self.origin._aged += seconds
        left = self.found.meta["ttl"]
        rows = np.flatnonzero((left != _NEVER) & (left != 0))
        left[rows] = np.maximum(left[rows].astype(np.int64) - seconds, 1)


def raise_with(failure: BaseException, found: NumpyBatchRecords) -> NoReturn:
    failure.partial = found  # type: ignore[attr-defined]
    raise failure


def _take_in(
    found: NumpyBatchRecords, shape: Shape, rows: NDArray[np.int64], part: NumpyBatchRecords
) -> NDArray[np.bool_]:
    """Puts rows that were read anew in their places; which of them differ from what was there."""
    differs: NDArray[np.bool_] = found.result_codes[rows] != part.result_codes
    differs |= found.meta["gen"][rows] != part.meta["gen"]
    differs |= (found._missing[rows] != part._missing).any(axis=1)
    for to, came in zip(
        shape.views(found.batch_records), shape.views(part.batch_records), strict=True
    ):
        if came.dtype.hasobject or came.dtype.kind == "T":
            differs |= part.result_codes == 0
        elif came.dtype.itemsize:
            differs |= (_bytes(to[rows]) != _bytes(came)).any(axis=1)
        to[rows] = came
    found.result_codes[rows] = part.result_codes
    found.meta[rows] = part.meta
    found._missing[rows] = part._missing
    if len(found.errors) or len(part.errors):
        errors = part.errors.copy()
        errors["row"] = rows[errors["row"]]
        found.errors = np.concatenate((found.errors[~np.isin(found.errors["row"], rows)], errors))
    found._timings = part._timings
    found._mask = found._index = None
    return differs


def _bytes(array: NDArray[Any]) -> NDArray[np.uint8]:
    return np.ascontiguousarray(array).view(np.uint8).reshape(len(array), -1)
