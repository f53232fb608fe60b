"""``bulk``: writes all rows of a source, and says how many are written and which are not."""

from __future__ import annotations

from collections.abc import AsyncIterable, Coroutine, Iterable
from typing import TYPE_CHECKING, Any, overload

from ._async_client import AsyncClient
from ._client import Client
from ._codes import class_of
from ._naming import called
from .exception import BulkError
from .types import BatchRecord, BulkFailure

if TYPE_CHECKING:
    from ._results import BatchWriteResult
    from ._stream_driver import AsyncStream, Stream


class _Tally:
    """What is known so far."""

    def __init__(self, chunk: int, raises: bool) -> None:
        self.chunk, self.raises = chunk, raises
        self.n_ok = self.n_errors = 0
        self.errors: list[BulkFailure] = []
        self._next = 0  # row of the next chunk
        self._last: Any = None

    def add(self, result: BatchWriteResult | None) -> bool:
        """Counts a chunk, and that once: Ctrl-C may come in the middle. Whether that was enough."""
        if result is None:  # nothing of it was sent
            self._next += self.chunk
        elif result is not self._last:
            failed, records = result.failed.tolist(), result.batch_records
            n_ok, n_errors = self.n_ok + len(result) - len(failed), self.n_errors + len(failed)
            after = self._next + len(result)
            self.errors[self.n_errors :] = [
                _failure(self._next, row, records[row]) for row in failed
            ]
            self.n_ok, self.n_errors, self._next, self._last = n_ok, n_errors, after, result
        return self.raises and self.n_errors > 0

    def leave(self, error: BaseException, *results: BatchWriteResult | None) -> None:
        """The error says what is known, of the chunks that were under way too."""
        for result in results:
            self.add(result)
        error.partial = self.n_ok, self.errors  # type: ignore[attr-defined]
        error.in_doubt = any(failure.in_doubt for failure in self.errors)  # type: ignore[attr-defined]

    def result(self) -> tuple[int, list[BulkFailure]]:
        if not (self.raises and self.n_errors):
            return self.n_ok, self.errors
        first = self.errors[0]
        raise BulkError(
            f"bulk: {self.n_errors} of {self.n_ok + self.n_errors} rows failed, and no chunk was begun after that; "
            f"the first is row {first.row}, {first.reason}. All are in .errors, and .n_ok rows are written",
            first.code,
            any(failure.in_doubt for failure in self.errors),
            key=first.key,
            partial=(self.n_ok, self.errors),
        )


def _failure(first: int, row: int, record: BatchRecord) -> BulkFailure:
    kind = class_of(record.result)
    reason = f"{kind.__name__}: {kind.__doc__ or ''}".partition("\n")[0]
    return BulkFailure(first + row, record.key, record.result, record.in_doubt, reason)


def _run(stream: Stream[BatchWriteResult], tally: _Tally) -> tuple[int, list[BulkFailure]]:
    result: BatchWriteResult | None = None
    try:
        with called("bulk"):
            for result in stream:
                if tally.add(result):
                    stream.stop()
    except BaseException as error:
        stream.close()
        given = () if result is None else (result,)
        tally.leave(error, *given, *stream.unyielded)
        raise
    return tally.result()


async def _run_async(
    stream: AsyncStream[BatchWriteResult], tally: _Tally
) -> tuple[int, list[BulkFailure]]:
    try:
        with called("bulk"):
            async for result in stream:
                if tally.add(result):
                    stream.stop()
    except BaseException as error:
        tally.leave(error, *stream.unyielded)
        raise
    return tally.result()


@overload
def bulk(
    client: Client,
    rows: Iterable[Any],
    namespace: str | None = None,
    set_name: str | None = None,
    *,
    key_field: str = "_key",
    chunk: int = 10_000,
    in_flight: int = 2,
    policy: Any = None,
    retry: int = 0,
    progress: Any = None,
    raise_on_error: bool = True,
) -> tuple[int, list[BulkFailure]]: ...
@overload
def bulk(
    client: AsyncClient,
    rows: Iterable[Any] | AsyncIterable[Any],
    namespace: str | None = None,
    set_name: str | None = None,
    *,
    key_field: str = "_key",
    chunk: int = 10_000,
    in_flight: int = 2,
    policy: Any = None,
    retry: int = 0,
    progress: Any = None,
    raise_on_error: bool = True,
) -> Coroutine[Any, Any, tuple[int, list[BulkFailure]]]: ...
def bulk(
    client: Any,
    rows: Any,
    namespace: str | None = None,
    set_name: str | None = None,
    *,
    key_field: str = "_key",
    chunk: int = 10_000,
    in_flight: int = 2,
    policy: Any = None,
    retry: int = 0,
    progress: Any = None,
    raise_on_error: bool = True,
) -> Any:
    """Writes any number of rows; counts those that are written, and lists the others.

    Parameters
    ----------
    client : Client or AsyncClient
        Of an :class:`AsyncClient` it is to be awaited, and ``rows`` may be asynchronous too.
    rows : iterable
        ``(key, bins)``, ``(key, bins, meta)`` or mappings, as ``write_stream`` takes them.
    namespace, set_name, key_field : str
        Where mappings go, and the field of their user keys.
    chunk, in_flight : int
        Rows of a chunk, and chunks under way at once.
    policy : dict, optional
        Batch policy, with the write keys.
    retry : int
        How often rows that are safe to send again are sent again, as in ``batch_write``.
    progress : bool or callable, optional
        True draws a tqdm bar; a callable gets (rows done, rows in all) after each chunk.
    raise_on_error : bool
        Whether rows that fail raise: then nothing is begun after their chunk. False: all rows are tried.

    Returns
    -------
    n_ok : int
        Rows that are written.
    errors : list of BulkFailure
        ``(row, key, code, in_doubt, reason)`` of each of the others, in order.

    Raises
    ------
    BulkError
        Rows failed, with ``raise_on_error``; it has ``n_ok`` and ``errors``.
    AerospikeError, KeyboardInterrupt, CancelledError
        A chunk failed as a whole, or the call was interrupted: ``partial`` is ``(n_ok, errors)`` of all
        that was begun. Errors of the source have it too.

    Examples
    --------
    >>> import aerospike_np
    >>> rows = [{"id": i, "x": i * 0.5} for i in range(5)]
    >>> aerospike_np.bulk(client, rows, "test", "demo", key_field="id")
    (5, [])
    """
    if not isinstance(client, (Client, AsyncClient)):
        raise TypeError(f"bulk: client is a Client or an AsyncClient, not {type(client).__name__}")
    with called("bulk"):
        stream: Any = client.write_stream(
            rows,
            namespace,
            set_name,
            key_field,
            chunk,
            in_flight,
            progress,
            policy=policy,
            retry=retry,
        )
    tally = _Tally(chunk, raise_on_error)
    return _run(stream, tally) if isinstance(client, Client) else _run_async(stream, tally)
