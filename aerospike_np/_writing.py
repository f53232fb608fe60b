"""Batch writes: requests, rounds of retries, and what their raw results become."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from . import _keys, _late
from ._reading import set_partial
from ._results import BatchWriteResult
from .exception import InvalidArgError

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
            f"batch_write: records is a list of (key, bins) or (key, bins, meta), not {type(records).__name__}"
        )
    for i, record in enumerate(records):
        if not isinstance(record, (tuple, list)) or len(record) not in (2, 3):
            raise TypeError(f"batch_write: records[{i}] is not (key, bins) or (key, bins, meta)")
        keys.append(record[0])
        bins.append(record[1])
        metas.append(record[2] if len(record) == 3 else None)
    return keys, bins, metas if any(m is not None for m in metas) else None


def remove_keys(keys: Any) -> tuple[Any, list[Any] | None]:
    if isinstance(keys, _keys.Keys):
        return keys, None
    plain, metas = [], []
    if isinstance(keys, (str, bytes, dict)) or not hasattr(keys, "__iter__"):
        raise TypeError(f"batch_remove: keys is a list of key tuples, not {type(keys).__name__}")
    for key in keys:
        has_meta = isinstance(key, tuple) and len(key) == 2 and isinstance(key[0], tuple)
        plain.append(key[0] if has_meta else key)
        metas.append(key[1] if has_meta else None)
    return plain, metas if any(m is not None for m in metas) else None


def writing(
    method: Callable[..., Request], arguments: tuple[Any, ...], n: int, policy: Any, progress: Any
) -> Request:
    _late.load()
    import numpy as np

    arrays = (
        np.empty(n, np.int32),
        np.zeros(n, np.uint32),
        np.zeros(n, bool),
        np.zeros(n, np.uint8),
    )
    request = method(*arguments, arrays, policy)
    return request.then(lambda raw, exception: (arrays, exception)).watch(progress)


class Writing:
    """A write and the rounds of its retries, driven request by request."""

    def __init__(
        self, request: Request, keys: Any, again: Callable[[Any], Request] | None, retry: int
    ) -> None:
        self.request, self.keys, self.again, self.retry = request, keys, again, retry

    def steps(self) -> Any:
        """A generator: yields requests, gets what they came to, returns the result."""
        import numpy as np

        (codes, generations, in_doubt, attempts), exception = yield self.request
        for _ in range(self.retry):
            rows = np.flatnonzero(safe_to_retry(codes, in_doubt))
            is_interrupted = exception is not None and not isinstance(exception, Exception)
            if not len(rows) or self.again is None or is_interrupted:
                break
            (c, g, d, a), exception = yield self.again(rows)
            codes[rows], generations[rows], in_doubt[rows] = c, g, d
            attempts[rows] = np.minimum(attempts[rows].astype(np.uint16) + a, 255)
        hook = (
            self._retry_hook(codes, generations, in_doubt, attempts)
            if self.again is not None
            else None
        )
        result = BatchWriteResult(
            _keys.view(self.keys), codes, generations, in_doubt, attempts, retry=hook
        )
        if exception is not None:
            set_partial(exception, result)
            exception.in_doubt = bool(in_doubt.any())
            raise exception
        return result

    def _retry_hook(
        self, codes: Any, generations: Any, in_doubt: Any, attempts: Any
    ) -> Callable[[Any], Any]:
        again, run = self.again, self.run

        def hook(rows: Any) -> Any:
            assert again is not None
            (c, g, d, a), exception = run(again(rows))
            return c, g, d, a, exception

        return hook

    run: Callable[[Request], Any]


def safe_to_retry(codes: Any, in_doubt: Any) -> Any:
    """Rows that may be sent again: refused before they were applied, or never fully sent."""
    import numpy as np

    return ~in_doubt & (np.isin(codes, _RETRY_CODES) | np.isin(codes, (-1, -7, -8, -10, -15)))


def finish_write(core: Core, request: Request, keys: Any, again: Any, retry: int) -> Writing:
    if (
        isinstance(retry, bool)
        or not hasattr(retry, "__index__")
        or not 0 <= retry.__index__() <= 1000
    ):
        raise InvalidArgError(f"retry must be an integer from 0 to 1000, not {retry!r}")
    writing = Writing(request, keys, again, retry.__index__())
    writing.run = core.run
    return writing
