"""Streams that end early: what was written is known, row by row, whatever ended them."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import random
import signal
import threading
import time
from collections.abc import Callable, Coroutine, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest

from aerospike_np import AsyncClient, BatchWriteResult, Client, exception
from aerospike_np.local import LocalCluster, LocalNode

pytestmark = pytest.mark.needs_embedded("a node that it can freeze")

DTYPE = [("a", "i8")]
CHUNK, IN_FLIGHT = 50, 4
PATIENT = {"total_timeout": 60_000, "socket_timeout": 60_000}


@pytest.fixture
def node() -> Iterator[LocalNode]:
    with LocalNode() as node:
        yield node


@pytest.fixture
def watch(node: LocalNode) -> Iterator[Client]:
    """Another client, that looks at what is there."""
    with node.client() as client:
        yield client


def run(main: Callable[[], Coroutine[Any, Any, Any]]) -> Any:
    return asyncio.run(asyncio.wait_for(main(), 120))


def rows(n: int, first: int = 0) -> Iterator[Any]:
    for i in range(first, first + n):
        yield ("test", "w", i), {"a": i * 7}


def are_there(watch: Client, keys: Any) -> np.ndarray[Any, Any]:
    got = watch.batch_read(
        np.asarray(keys), _dtype=DTYPE, namespace="test", set_name="w", policy=PATIENT
    )
    assert set(got.result_codes.tolist()) <= {0, 2}
    found: np.ndarray[Any, Any] = got.result_codes == 0
    return found


def until(what: Callable[[], Any]) -> None:
    end = time.monotonic() + 60
    while not what():
        assert time.monotonic() < end
        time.sleep(0.002)


def accounted(watch: Client, results: list[BatchWriteResult | None], n: int, first: int = 0) -> str:
    """Holds each row against the node. Results are those of the chunks in order; later rows were not begun."""
    codes = np.full(n, -100)
    doubt = np.zeros(n, bool)
    for k, result in enumerate(results):
        if result is not None:
            end = k * CHUNK + len(result)
            codes[k * CHUNK : end], doubt[k * CHUNK : end] = result.result_codes, result.in_doubt
    there = are_there(watch, np.arange(first, first + n))
    assert there[codes == 0].all(), "a row that was acknowledged is not there"
    wrong = np.flatnonzero(there & (codes != 0) & ~doubt)
    assert not len(wrong), f"written, and nobody says so: {wrong}, codes {codes[wrong]}"
    return f"{(codes == 0).sum()} ok, {doubt.sum()} in doubt of {n}"


class Enough(Exception):
    pass


def fails_at(call: int, error: BaseException) -> Callable[[int, int], None]:
    calls = 0

    def progress(done: int, total: int) -> None:
        nonlocal calls
        calls += 1
        if calls == call:
            raise error

    return progress


# ---- what was under way is known ----


def test_stream_that_is_closed_tells_of_the_chunks_that_nobody_got(
    node: LocalNode, watch: Client
) -> None:
    with Client(node.config()) as client:
        stream = client.write_stream(rows(5000), chunk=CHUNK, in_flight=IN_FLIGHT)
        assert stream.unyielded == []
        first = next(stream)
        until(lambda: are_there(watch, np.arange(CHUNK * (1 + IN_FLIGHT))).all())
        stream.close()
        assert [len(result) for result in stream.unyielded if result] == [CHUNK] * IN_FLIGHT
        assert all(result and result.ok.all() for result in stream.unyielded)
        accounted(watch, [first, *stream.unyielded], 5000)
        stream.close()
        assert list(stream) == [] and len(stream.unyielded) == IN_FLIGHT


def test_async_stream_that_is_closed_tells_of_the_chunks_that_nobody_got(
    node: LocalNode, watch: Client
) -> None:
    async def main() -> None:
        async with AsyncClient(node.config()) as client:
            stream = client.write_stream(rows(5000), chunk=CHUNK, in_flight=IN_FLIGHT)
            first = await anext(stream)
            while not are_there(watch, np.arange(CHUNK * (1 + IN_FLIGHT))).all():
                await asyncio.sleep(0.002)
            await stream.aclose()
            assert [len(result) for result in stream.unyielded if result] == [CHUNK] * IN_FLIGHT
            assert all(result and result.ok.all() for result in stream.unyielded)
            accounted(watch, [first, *stream.unyielded], 5000)

    run(main)


@pytest.mark.only_sync("Ctrl-C is heard by the thread that calls")
@pytest.mark.parametrize("error", [KeyboardInterrupt(), Enough()], ids=repr)
def test_error_that_comes_with_a_finished_chunk_loses_none(
    node: LocalNode, watch: Client, error: BaseException
) -> None:
    """Of the progress callable: Ctrl-C comes there too."""
    with Client(node.config()) as client:
        stream = client.write_stream(
            rows(5000), chunk=CHUNK, in_flight=IN_FLIGHT, progress=fails_at(3, error)
        )
        got = []
        with pytest.raises(type(error)) as caught:
            for result in stream:
                got.append(result)
        assert len(got) == 2 and len(stream.unyielded) == 1 + IN_FLIGHT
        assert caught.value.partial is stream.unyielded[0]  # type: ignore[attr-defined]
        assert caught.value.in_doubt == any(
            left.in_doubt.any() for left in stream.unyielded if left
        )  # type: ignore
        accounted(watch, [*got, *stream.unyielded], 5000)
        assert client.put(("test", "w", -1), {"a": 1}) is None


@pytest.mark.parametrize("retry", [0, 3])
@pytest.mark.parametrize("is_async", [False, True], ids=["sync", "async"])
def test_chunk_that_fails_tells_of_those_behind_it(
    node: LocalNode, watch: Client, is_async: bool, retry: int
) -> None:
    async def main(first: int, milliseconds: int) -> bool:
        got: list[Any] = []
        client = AsyncClient(node.config())
        policy = {"total_timeout": milliseconds}
        options: Any = {"chunk": CHUNK, "in_flight": IN_FLIGHT, "policy": policy, "retry": retry}
        face = client if is_async else client.sync
        stream: Any = face.write_stream(rows(5000, first), **options)
        with pytest.raises(exception.AerospikeTimeoutError) as caught:
            if is_async:
                async for result in stream:
                    got.append(result)
                    if len(got) == 1:
                        node.freeze()
            else:
                for result in stream:
                    got.append(result)
                    if len(got) == 1:
                        node.freeze()
        if got:
            node.thaw()
        assert caught.value.partial is stream.unyielded[0]
        assert len(stream.unyielded) == IN_FLIGHT  # the next one is begun where this one ends well
        accounted(watch, got + stream.unyielded, 5000, first)
        await client.close()
        return bool(got) and stream.unyielded[0].in_doubt.any()

    # On a busy machine the time may be over before anything was answered, or sent.
    limits = enumerate((300, 3000, 30_000))
    assert any(run(functools.partial(main, 5000 * turn, limit)) for turn, limit in limits)


def test_read_stream_that_is_interrupted_gives_what_had_come(
    node: LocalNode, watch: Client
) -> None:
    watch.batch_write(list(rows(1000)))
    where: Any = {"namespace": "test", "set_name": "w"}

    async def main() -> None:
        async with AsyncClient(node.config()) as client:
            stream = client.read_stream(
                np.arange(1000), DTYPE, CHUNK, IN_FLIGHT, fails_at(2, Enough()), **where
            )
            with pytest.raises(Enough) as caught:
                async for _ in stream:
                    pass
            parts = stream.unyielded
            assert caught.value.partial is parts[0]  # type: ignore[attr-defined]
            assert len(parts) == 1 + IN_FLIGHT
            sync = client.sync.read_stream(range(1000), None, CHUNK, IN_FLIGHT, **where)
            next(sync)
            sync.close()
            assert [len(part.result_codes) for part in sync.unyielded if part is not None] == (
                [CHUNK] * IN_FLIGHT
            )
            for k, part in enumerate(parts):
                if part is None:  # not begun
                    continue
                assert set(part.result_codes.tolist()) <= {0, -5}
                here = part.result_codes == 0
                wanted = 7 * np.arange((1 + k) * CHUNK, (2 + k) * CHUNK)
                assert (part.batch_records["a"][here] == wanted[here]).all()
            assert sum(n.conns.in_use for n in client.get_stats().nodes) == 0

    run(main)


# ---- at any moment ----


@pytest.mark.only_sync("Ctrl-C is heard by the thread that calls")
@pytest.mark.filterwarnings(  # in a callback of a weak reference Python itself drops Ctrl-C
    "ignore::pytest.PytestUnraisableExceptionWarning"
)
def test_ctrl_c_at_any_moment_loses_no_row_that_was_written(node: LocalNode, watch: Client) -> None:
    seed = random.randrange(2**32)
    rng = random.Random(seed)
    n, ends = 4000, []
    with Client(node.config()) as client:
        for turn in range(60):
            got: list[Any] = []
            stream = client.write_stream(
                rows(n, turn * n), chunk=CHUNK, in_flight=IN_FLIGHT, retry=turn % 2
            )
            timer = threading.Timer(rng.random() * 0.03, signal.raise_signal, [signal.SIGINT])
            with contextlib.suppress(KeyboardInterrupt):
                timer.start()
                for result in stream:
                    got.append(result)
                timer.join()
            ends.append(len(got))
            stream.close()
            timer.join()
            try:
                said = accounted(watch, got + stream.unyielded, n, turn * n)
            except AssertionError as error:
                raise AssertionError(f"seed {seed}, turn {turn}: {error}") from None
        assert min(ends) < n // CHUNK, f"seed {seed}: nothing was interrupted; {said}"
        assert sum(node.conns.in_use for node in client.get_stats().nodes) == 0


def test_cancel_at_any_moment_loses_no_row_that_was_written(node: LocalNode, watch: Client) -> None:
    seed = random.randrange(2**32)
    rng = random.Random(seed)
    n, cancelled = 4000, 0

    async def main() -> None:
        nonlocal cancelled
        async with AsyncClient(node.config()) as client:
            for turn in range(60):
                got: list[Any] = []
                stream = client.write_stream(
                    rows(n, turn * n), chunk=CHUNK, in_flight=IN_FLIGHT, retry=turn % 2
                )

                async def all_of_it(stream: Any = stream, got: Any = got) -> None:
                    async for result in stream:
                        got.append(result)

                task = asyncio.ensure_future(all_of_it())
                await asyncio.sleep(rng.random() * 0.03)
                task.cancel()
                if turn % 3 == 0:
                    await asyncio.sleep(0)
                    task.cancel()
                with contextlib.suppress(asyncio.CancelledError):
                    await task
                cancelled += task.cancelled()
                try:
                    accounted(watch, got + stream.unyielded, n, turn * n)
                except AssertionError as error:
                    raise AssertionError(f"seed {seed}, turn {turn}: {error}") from None
            assert sum(n.conns.in_use for n in client.get_stats().nodes) == 0

    run(main)
    assert cancelled, f"seed {seed}: nothing was cancelled"


# ---- rows ----


def test_row_without_a_key_is_named_by_its_number_in_the_whole_source(
    node: LocalNode, watch: Client
) -> None:
    lines: list[dict[str, Any]] = [{"_key": i, "a": 1} for i in range(25)] + [{"a": 2}]
    with Client(node.config()) as client:
        got: list[Any] = []
        with pytest.raises(exception.InvalidArgError, match="row 25 has no '_key'.* fields are a"):
            for result in client.write_stream(lines, "test", "w", chunk=10):
                got.append(result.ok.all())
        assert got == [True, True]
        assert are_there(watch, range(20)).all()


# ---- what a client's configuration promises of each call ----


@pytest.mark.parametrize("is_async", [False, True], ids=["sync", "async"])
def test_chunk_that_waits_too_long_for_its_turn_is_backpressure(
    node: LocalNode, is_async: bool
) -> None:
    limits = {"max_concurrent_operations": 1, "operation_queue_timeout_ms": 100}
    with Client({**node.config(), **limits}) as client:
        assert client.ping()
        node.freeze()
        holder = threading.Thread(
            target=lambda: client.batch_read([("test", "w", 1)], policy=PATIENT)
        )
        holder.start()

        async def main() -> None:
            async for _ in client.aio.read_stream([1], DTYPE, namespace="test", set_name="w"):
                pass

        begin = time.monotonic()
        try:
            until(lambda: client.get_stats().nodes[0].conns.in_use)
            with pytest.raises(exception.BackpressureError):
                if is_async:
                    run(main)
                else:
                    list(client.read_stream([1], DTYPE, namespace="test", set_name="w"))
            assert time.monotonic() - begin < 30  # and not when the holder is through
        finally:
            node.thaw()
            holder.join()


def test_stream_waits_for_a_cluster_that_need_not_be_there_yet() -> None:
    with LocalCluster(nodes=1) as cluster, ThreadPoolExecutor(1) as pool:
        config = {**cluster.config(), "fail_if_not_connected": False, "tend_interval": 50}
        cluster.kill(0)
        client = Client(config).connect()
        keys = np.arange(2)
        stream = client.read_stream(keys, DTYPE, 1, namespace="test", set_name="w", policy=PATIENT)
        parts = pool.submit(list, stream)
        while not parts.done() and client.get_stats().tend_failures < 2:
            time.sleep(0.002)
        cluster.restart(0)
        assert [part.result_codes.tolist() for part in parts.result(60)] == [[2], [2]]
        client.close()
