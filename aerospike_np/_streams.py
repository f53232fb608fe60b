"""Streams: batch reads and writes of any length, chunk by chunk, in bounded memory.

A plan says what becomes of each item of the source; ``_stream_driver`` drives it for the clients, several
chunks at a time, and gives the results in order.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Mapping
from typing import Any

from . import _progress
from ._batch_operations import BatchOperations
from ._keys import Keys
from ._naming import called
from .exception import InvalidArgError


class Plan:
    """What a stream does: ``source`` gives items, and ``feed`` and ``finish`` the work that they make.

    Work is what an operation returns: a request, or a plan of several.
    """

    def __init__(
        self,
        source: Any,
        feed: Callable[[Any], Iterable[Any]],
        finish: Callable[[], Iterable[Any]],
        in_flight: int,
        total: int | None,
        progress: Any,
    ) -> None:
        self.source, self.feed, self.finish = source, feed, finish
        self.in_flight = _count("in_flight", in_flight, 64)
        self.watch = _progress.watcher(progress, total)
        self._done, self._total = 0, total
        self.is_stopped = False
        self.unyielded: list[Any] = []

    def works(self) -> Iterator[Any]:
        """The work of each chunk."""
        feed = self.feed
        for item in self.source:
            yield from feed(item)
        yield from self.finish()

    async def works_async(self) -> AsyncIterator[Any]:
        """The same, from a source that may be asynchronous."""
        if not hasattr(self.source, "__aiter__"):
            for work in self.works():
                yield work
            return
        async for item in self.source:
            for work in self.feed(item):
                yield work
        for work in self.finish():
            yield work

    def count(self, result: Any) -> None:
        """A chunk is through."""
        self._done += len(result.result_codes)
        if self.watch is not None:
            self.watch(self._done, self._done if self._total is None else self._total)

    def open(self) -> None:
        if isinstance(self.watch, _progress.Bar):
            self.watch.open()

    def close(self) -> None:
        if isinstance(self.watch, _progress.Bar):
            self.watch.close()


def _count(name: str, value: Any, high: int) -> int:
    if (
        isinstance(value, bool)
        or not hasattr(value, "__index__")
        or not 1 <= value.__index__() <= high
    ):
        raise InvalidArgError(f"{name} must be an integer from 1 to {high}, not {value!r}")
    return int(value)


# ---- reading ----


def read_plan(
    client: Any,
    keys: Any,
    dtype: Any,
    chunk: int,
    in_flight: int,
    progress: Any,
    namespace: str | None,
    set_name: str | None,
    options: dict[str, Any],
) -> Plan:
    chunk = _count("chunk", chunk, 2**31 - 1)

    def work(part: Any) -> Any:
        with called("read_stream"):
            return BatchOperations.batch_read(
                client, part, _dtype=dtype, namespace=namespace, set_name=set_name, **options
            )

    if isinstance(keys, (str, bytes, Mapping)):
        raise TypeError(f"read_stream: keys is an iterable of keys, not {type(keys).__name__}")
    if hasattr(keys, "__len__"):
        n = len(keys)
        part = _parts(keys)
        return Plan(
            range(0, n, chunk), lambda begin: [work(part(begin, begin + chunk))], list, in_flight, n, progress
        )  # fmt: skip
    if not hasattr(keys, "__iter__") and not hasattr(keys, "__aiter__"):
        raise TypeError(f"read_stream: keys is an iterable of keys, not {type(keys).__name__}")
    gathered: list[Any] = []

    def feed(key: Any) -> Iterator[Any]:
        gathered.append(key)
        if len(gathered) == chunk:
            yield work(gathered.copy())
            gathered.clear()

    def finish() -> Iterator[Any]:
        if gathered:
            yield work(gathered)

    return Plan(keys, feed, finish, in_flight, None, progress)


def _parts(keys: Any) -> Callable[[int, int], Any]:
    if isinstance(keys, Keys):
        return keys.slice
    rows = keys.iloc if hasattr(keys, "iloc") else keys
    return lambda begin, end: rows[begin:end]


# ---- writing ----


_MAPPINGS = (dict, Mapping)  # isinstance() of a dict is slow where it has the second alone


def _is_column(value: Any) -> bool:
    return hasattr(value, "__array__") and getattr(value, "ndim", 1) > 0 or isinstance(value, list)


def _is_row(item: Any, key_field: str) -> bool:
    return isinstance(item, (tuple, list)) or (
        isinstance(item, _MAPPINGS) and not _is_column(item.get(key_field))
    )


def _n_rows(chunks: Any, key_field: str) -> int | None:
    """How many rows a list of chunks or rows has; None: it can't be told."""
    if not isinstance(chunks, (list, tuple)):
        return None
    columns: list[Any] = [
        item.get(key_field) if isinstance(item, Mapping) else item
        for item in chunks
        if not _is_row(item, key_field)
    ]
    if not all(hasattr(column, "__len__") for column in columns):
        return None
    return len(chunks) - len(columns) + sum(map(len, columns))


class _Rows:
    """Gathers ``(key, bins[, meta])`` rows and mappings, and writes them chunk by chunk."""

    def __init__(
        self, client: Any, namespace: str | None, set_name: str | None, key_field: str, chunk: int,
        options: dict[str, Any],
    ) -> None:  # fmt: skip
        self.client, self.namespace, self.set_name, self.key_field = (
            client,
            namespace,
            set_name,
            key_field,
        )
        self.chunk, self.options = chunk, options
        self.rows: list[Any] = []
        self.n_taken = 0

    def add(self, item: Any) -> None:
        if not isinstance(item, _MAPPINGS):
            self.rows.append(item)
            return
        bins = dict(item)
        try:
            key = bins.pop(self.key_field)
        except KeyError:
            raise InvalidArgError(
                f"write_stream: row {self.n_taken + len(self.rows)} has no {self.key_field!r}, which names its "
                f"user key (key_field=); its fields are {', '.join(map(str, bins))}"
            ) from None
        if self.namespace is None:
            raise InvalidArgError(
                "write_stream: rows without key tuples need namespace= and set_name="
            )
        self.rows.append(((self.namespace, self.set_name, key), bins))

    def take(self) -> Iterator[Any]:
        if self.rows:
            rows, self.rows = self.rows, []
            self.n_taken += len(rows)
            with called("write_stream"):
                work = BatchOperations.batch_write(self.client, rows, **self.options)
            yield work


def write_plan(
    client: Any,
    chunks: Any,
    namespace: str | None,
    set_name: str | None,
    key_field: str,
    chunk: int,
    in_flight: int,
    progress: Any,
    policy: Any,
    retry: int,
    options: dict[str, Any],
) -> Plan:
    chunk = _count("chunk", chunk, 2**31 - 1)
    rows = _Rows(client, namespace, set_name, key_field, chunk, {"policy": policy, "retry": retry})
    if (
        isinstance(chunks, (str, bytes, Mapping))
        or hasattr(chunks, "dtypes")
        or hasattr(chunks, "dtype")
    ):
        raise TypeError(
            f"write_stream: chunks is an iterable of chunks or rows, not one {type(chunks).__name__}; "
            "for one array use batch_write_numpy, or give [array]"
        )
    if not hasattr(chunks, "__iter__") and not hasattr(chunks, "__aiter__"):
        raise TypeError(f"write_stream: chunks is an iterable, not {type(chunks).__name__}")

    def feed(item: Any) -> Iterable[Any]:
        if not _is_row(item, key_field):
            return write(item)
        rows.add(item)
        return rows.take() if len(rows.rows) == chunk else ()

    def write(item: Any) -> Iterator[Any]:
        yield from rows.take()  # in order
        if namespace is None:
            raise InvalidArgError("write_stream: arrays need namespace= and set_name=")
        with called("write_stream"):
            work = BatchOperations.batch_write_numpy(
                client,
                item,
                namespace,
                set_name,
                key_field=key_field,
                policy=policy,
                retry=retry,
                **options,
            )
        yield work

    total = _n_rows(chunks, key_field) if progress else None
    return Plan(chunks, feed, rows.take, in_flight, total, progress)


# ---- the methods ----


class Streams:
    """The methods that give results one chunk after the other, on both clients."""

    def read_stream(
        self,
        keys: Any,
        _dtype: Any = None,
        chunk: int = 100_000,
        in_flight: int = 2,
        progress: Any = None,
        *,
        bins: Any = None,
        policy: Any = None,
        layout: str = "rows",
        errors: str = "raise",
        fill: Any = None,
        namespace: str | None = None,
        set_name: str | None = None,
        compute: Any = None,
    ) -> Any:
        """Reads any number of records, chunk by chunk, in order and in bounded memory.

        Parameters
        ----------
        keys : iterable
            As in :meth:`batch_read`; or any iterable of key tuples (or, with ``namespace`` and ``set_name``, of
            user keys), which is walked only as far as chunks are asked for.
        _dtype : dtype, optional
            As in :meth:`batch_read`.
        chunk : int
            Rows of a chunk.
        in_flight : int
            Chunks under way at once, 1 to 64; they are the memory that is used.
        progress : bool or callable, optional
            True draws a tqdm bar; a callable gets (rows done, rows in all) after each chunk.

        Yields
        ------
        NumpyBatchRecords or BatchRecords
            What :meth:`batch_read` returns, a chunk each. Where the stream is left early, its ``unyielded``
            has those of the chunks that were under way.

        Raises
        ------
        InvalidArgError, TypeError
            An argument that can't be right; at once, or where a chunk's keys are.
        ConversionError, AerospikeTimeoutError, ClusterError
            As :meth:`batch_read` raises them, in place of the chunk, which is in ``partial``; the stream ends.

        Examples
        --------
        >>> _ = client.batch_write([(("test", "demo", i), {"x": i}) for i in range(5)])
        >>> for part in client.read_stream(range(5), "i8", 2, bins=["x"], namespace="test", set_name="demo"):
        ...     print(part.batch_records.ravel())
        [0 1]
        [2 3]
        [4]
        """
        options = {
            "bins": bins, "policy": policy, "layout": layout, "errors": errors, "fill": fill, "compute": compute,
        }  # fmt: skip
        return read_plan(
            self, keys, _dtype, chunk, in_flight, progress, namespace, set_name, options
        )

    def write_stream(
        self,
        chunks: Any,
        namespace: str | None = None,
        set_name: str | None = None,
        key_field: str = "_key",
        chunk: int = 100_000,
        in_flight: int = 2,
        progress: Any = None,
        *,
        policy: Any = None,
        retry: int = 0,
        ttl: Any = None,
        masked: str = "keep",
        empty: str = "raise",
        bytes_as: str = "blob",
        subarrays: str = "blob",
    ) -> Any:
        """Writes any number of records, chunk by chunk, in bounded memory. It writes as it is iterated.

        Parameters
        ----------
        chunks : iterable
            Of arrays, dicts of arrays or DataFrames, each written as :meth:`batch_write_numpy` does; or of rows,
            ``(key, bins)``, ``(key, bins, meta)`` or mappings (a ``csv.DictReader``), which are gathered.
        namespace, set_name, key_field : str
            Where arrays and mappings go, and the field of their user keys.
        chunk : int
            Rows that are gathered.
        in_flight : int
            Chunks under way at once, 1 to 64.

        Yields
        ------
        BatchWriteResult
            One a chunk, in order. Where the stream is left early, its ``unyielded`` has those of the chunks
            that were under way; None: nothing of it was sent.

        Raises
        ------
        InvalidArgError, TypeError
            An argument, or a chunk, that can't be right; nothing of the chunk was sent.
        AerospikeTimeoutError, ClusterError
            A chunk failed as a whole; ``partial`` has the state of each of its rows. The stream ends.

        Examples
        --------
        >>> rows = ({"id": str(i), "x": i * 0.5} for i in range(5))
        >>> for result in client.write_stream(rows, "test", "demo", key_field="id", chunk=3):
        ...     print(result.result_codes)
        [0 0 0]
        [0 0]
        """
        options = {
            "ttl": ttl, "masked": masked, "empty": empty, "bytes_as": bytes_as, "subarrays": subarrays,
        }  # fmt: skip
        return write_plan(
            self, chunks, namespace, set_name, key_field, chunk, in_flight, progress, policy, retry, options
        )  # fmt: skip
