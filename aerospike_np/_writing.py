"""Batch writes: requests, rounds of retries, and what their raw results become."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from . import _keys, _late, _progress
from ._reading import set_partial
from ._results import BatchWriteResult
from .exception import ClientAbortError, InvalidArgError

if TYPE_CHECKING:
    from ._engine import Core, Request

_RETRY_CODES = (8, 11, 14, 18)


def text_or_bytes(value: Any, where: str) -> Any:
    if isinstance(value, (str, bytes, bytearray, memoryview)):
        return value
    raise TypeError(f"{where}: the value is a str or bytes, not {type(value).__name__}")


def write_rows(records: Any) -> tuple[list[Any], list[Any], list[Any] | None]:
    keys, bins, metas = [], [], []
    if isinstance(records, (str, bytes, dict)) or not hasattr(records, "__iter__"):
        raise TypeError(
            "batch_write: records is a list of (key, bins) or (key, bins, meta), or a BatchRecords of "
            f"aerospike_np.helpers.batch.records; not {type(records).__module__}.{type(records).__name__}"
        )
    for i, record in enumerate(records):
        if not isinstance(record, (tuple, list)) or len(record) not in (2, 3):
            raise TypeError(
                f"batch_write: records[{i}] is not (key, bins) or (key, bins, meta); "
                "Read, Write, Apply and Remove go into a BatchRecords"
            )
        keys.append(record[0])
        bins.append(record[1])
        metas.append(record[2] if len(record) == 3 else None)
    return keys, bins, metas if any(m is not None for m in metas) else None


def with_metas(keys: Any, where: str) -> tuple[Any, list[Any] | None]:
    """Key tuples, and what is given beside some of them; None: beside none."""
    if isinstance(keys, _keys.Keys):
        return keys, None
    plain, metas = [], []
    if isinstance(keys, (str, bytes, dict)) or not hasattr(keys, "__iter__"):
        raise TypeError(f"{where}: keys is a list of key tuples, not {type(keys).__name__}")
    for key in keys:
        has_meta = isinstance(key, tuple) and len(key) == 2 and isinstance(key[0], tuple)
        plain.append(key[0] if has_meta else key)
        metas.append(key[1] if has_meta else None)
    return plain, metas if any(m is not None for m in metas) else None


def writing(
    method: Callable[..., Request], arguments: tuple[Any, ...], n: int, policy: Any, progress: Any
) -> tuple[Request, tuple[Any, ...]]:
    """The request, and the arrays of what becomes of each row: codes, generations, doubts, attempts."""
    _late.load()
    import numpy as np

    arrays = (
        np.empty(n, np.int32),
        np.zeros(n, np.uint32),
        np.zeros(n, bool),
        np.zeros(n, np.uint8),
    )
    request = method(*arguments, arrays, policy)
    return _progress.watched(request, lambda raw, exception: (arrays, exception), progress), arrays


class Writing:
    """A write and the rounds of its retries, driven request by request."""

    answers: Any = None  # what rows came back with

    def __init__(
        self,
        begun: tuple[Request, tuple[Any, ...]],
        keys: Any,
        again: Callable[[Any], tuple[Request, Any]] | None,
        retry: int,
    ) -> None:
        self.request, self.arrays = begun
        self.keys, self.again, self.retry = keys, again, retry
        self.sent_again: Any = None  # the rows of a round that is not taken in yet

    def steps(self) -> Any:
        """A generator: yields requests, gets what they came to, returns the result."""
        import numpy as np

        (codes, generations, in_doubt, attempts), exception = yield self.request
        for _ in range(self.retry):
            rows = np.flatnonzero(safe_to_retry(codes, in_doubt))
            if not len(rows) or self.again is None or _is_interrupt(exception):
                break
            request, _ = self.again(rows)
            self.sent_again = rows
            (c, g, d, a), exception = yield request
            codes[rows], generations[rows], in_doubt[rows] = c, g, d
            self.sent_again = None
            add_attempts(attempts, rows, a)
        result = self._result()
        if exception is not None:
            set_partial(exception, result)
            exception.in_doubt = bool(in_doubt.any())
            raise exception
        return result

    def left(self) -> Any:
        """The result, for one who leaves the steps in the middle; None: nothing was sent."""
        if not self.request.is_over:
            return None
        if self.sent_again is not None:
            self.arrays[2][self.sent_again] = True  # in doubt
        return self._result()

    def _result(self) -> Any:
        hook = self._retry_hook() if self.again is not None else None
        codes, generations, in_doubt, attempts = self.arrays
        return BatchWriteResult(
            _keys.view(self.keys), codes, generations, in_doubt, attempts, self.answers, hook
        )

    def _retry_hook(self) -> Callable[[Any], Any]:
        again, run = self.again, self.run

        def hook(rows: Any) -> Any:
            assert again is not None
            (c, g, d, a), exception = run(again(rows)[0])
            return c, g, d, a, exception

        return hook

    run: Callable[[Request], Any]


def _is_interrupt(exception: BaseException | None) -> bool:
    """Ctrl-C, or a stream or task that was left: nothing more is sent."""
    return exception is not None and (
        not isinstance(exception, Exception) or isinstance(exception, ClientAbortError)
    )


def safe_to_retry(codes: Any, in_doubt: Any) -> Any:
    """Rows that may be sent again: refused before they were applied, or never fully sent."""
    import numpy as np

    return ~in_doubt & (np.isin(codes, _RETRY_CODES) | np.isin(codes, (-1, -7, -8, -10, -15)))


def add_attempts(attempts: Any, rows: Any, more: Any) -> None:
    """Counts what a further round took, as far as a byte goes."""
    import numpy as np

    attempts[rows] = np.minimum(attempts[rows].astype(np.uint16) + more, 255)


def check_retry(retry: Any, name: str = "retry") -> int:
    if (
        isinstance(retry, bool)
        or not hasattr(retry, "__index__")
        or not 0 <= retry.__index__() <= 1000
    ):
        raise InvalidArgError(f"{name} must be an integer from 0 to 1000, not {retry!r}")
    return int(retry.__index__())


def finish_write(
    core: Core, begun: tuple[Request, Any], keys: Any, again: Any, retry: int
) -> Writing:
    writing = Writing(begun, keys, again, check_retry(retry))
    writing.run = core.run
    return writing


def write_arrays(
    core: Core, method: Callable[..., Request], source: Any, policy: Any, retry: int, progress: Any
) -> Writing:
    """A write of the rows of arrays, by one of the engine's methods."""

    def again(rows: Any) -> tuple[Request, Any]:
        return writing(method, source.arguments(rows), len(rows), policy, None)

    watch = _progress.watcher(progress, source.n)
    begun = writing(method, source.arguments(), source.n, policy, watch)
    return finish_write(core, begun, source.keys, again, retry)
