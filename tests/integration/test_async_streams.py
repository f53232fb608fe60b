"""Streams of the asyncio client."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from typing import Any

import numbered
import numpy as np
import pytest
from event_loops import NewLoop, run, until
from numbered import DTYPE, is_right, value
from until import in_use

from aerospike_np import AsyncClient, exception
from aerospike_np.local import LocalNode

pytestmark = pytest.mark.needs_embedded("a node that it can freeze")

N = 20_000


@pytest.fixture
def node() -> Iterator[LocalNode]:
    with numbered.node(N) as node:
        yield node


def read(client: Any, keys: Any = N, **more: Any) -> Any:
    return numbered.read(client, keys, **more)


def test_stream_reads_in_order_whatever_the_keys_are(node: LocalNode) -> None:
    async def main() -> None:
        async with AsyncClient(node.config()) as client:
            where = {"namespace": "test", "set_name": "s"}
            tuples = [("test", "s", i) for i in range(N)]
            for keys, more in [
                (np.arange(N), where), (tuples, {}), (iter(tuples), {}), (range(N), where), (iter(range(N)), where),
            ]:  # fmt: skip
                got = [
                    part.batch_records["a"]
                    async for part in client.read_stream(keys, DTYPE, chunk=3000, **more)
                ]
                assert [len(g) for g in got] == [3000] * 6 + [2000]
                assert (np.concatenate(got) == value(np.arange(N))).all()
            parts = client.sync.read_stream(np.arange(N), DTYPE, 3000, 3, **where)
            assert (
                np.concatenate([p.batch_records["a"] for p in parts]) == value(np.arange(N))
            ).all()

    run(main)


def test_stream_walks_its_source_no_further_than_it_must(node: LocalNode) -> None:
    walked = 0

    def keys() -> Iterator[tuple[str, str, int]]:
        nonlocal walked
        for i in range(10**9):
            walked += 1
            yield ("test", "s", i % N)

    with node.client() as client:
        for k, part in enumerate(client.read_stream(keys(), DTYPE, chunk=100, in_flight=3)):
            assert (part.result_codes == 0).all()
            assert walked <= (k + 1 + 3) * 100
            if k == 5:
                break

    async def main() -> None:
        async with AsyncClient(node.config()) as client:
            async for _ in client.read_stream(keys(), DTYPE, chunk=100, in_flight=3):
                break
            assert (await client.get(("test", "s", 1))).bins == {"a": 8}

    run(main)


def test_stream_writes_arrays_rows_and_mappings(node: LocalNode) -> None:
    async def later() -> AsyncIterator[Any]:
        for begin in range(0, N, 5000):
            await asyncio.sleep(0)
            yield numbered.rows(N)[begin : begin + 5000]

    async def main() -> None:
        async with AsyncClient(node.config()) as client:
            done = [len(r.result_codes) async for r in client.write_stream(later(), "test", "w1")]
            assert done == [5000] * 4
            rows = ((("test", "w2", i), {"a": value(i)}) for i in range(2500))
            done = [len(r.result_codes) async for r in client.write_stream(rows, chunk=1000)]
            assert done == [1000, 1000, 500]
            lines = ({"id": i, "a": value(i)} for i in range(2500))
            sync = client.sync.write_stream(lines, "test", "w3", key_field="id", chunk=1000)
            assert [len(r.result_codes) for r in sync] == [1000, 1000, 500]
            for name, n in (("w1", N), ("w2", 2500), ("w3", 2500)):
                got = await client.batch_read(
                    np.arange(n), _dtype=DTYPE, namespace="test", set_name=name
                )
                assert is_right(got)

    run(main)


def test_stream_ends_with_the_error_of_its_source_or_its_server(node: LocalNode) -> None:
    def broken() -> Iterator[Any]:
        yield numbered.rows(10)
        raise LookupError("no more")

    async def main() -> None:
        async with AsyncClient(node.config()) as client:
            for stream in (client.write_stream(broken(), "test", "b"),):
                with pytest.raises(LookupError):
                    async for _ in stream:
                        pass
            with pytest.raises(LookupError):
                list(client.sync.write_stream(broken(), "test", "b"))
            node.freeze()
            with pytest.raises(exception.AerospikeTimeoutError):
                async for _ in client.read_stream(
                    np.arange(N),
                    DTYPE,
                    1000,
                    namespace="test",
                    set_name="s",
                    policy={"total_timeout": 50},
                ):
                    pass
            node.thaw()
            assert is_right(await read(client))

    run(main)


@pytest.mark.parametrize("in_flight", [1, 2, 5])
def test_error_of_a_source_comes_after_the_chunks_before_it(
    node: LocalNode, in_flight: int
) -> None:
    def broken() -> Iterator[Any]:
        yield numbered.rows(10)
        yield numbered.rows(20)
        raise LookupError("no more")

    async def broken_async() -> AsyncIterator[Any]:
        for chunk in (numbered.rows(10), numbered.rows(20)):
            yield chunk
        raise LookupError("no more")

    async def main() -> None:
        async with AsyncClient(node.config()) as client:
            for source in (broken, broken_async):
                seen = []
                with pytest.raises(LookupError):
                    async for got in client.write_stream(
                        source(), "test", "b", in_flight=in_flight
                    ):
                        seen.append(len(got.result_codes))
                assert seen == [10, 20]
            seen = []
            with pytest.raises(LookupError):
                for got in client.sync.write_stream(broken(), "test", "b", in_flight=in_flight):
                    seen.append(len(got.result_codes))
            assert seen == [10, 20]

    run(main)


def test_stream_whose_progress_raises_has_the_chunk_in_the_error(node: LocalNode) -> None:
    def fail(done: int, total: int) -> None:
        raise KeyError("enough")

    async def main() -> None:
        async with AsyncClient(node.config()) as client:
            keys: Any = {"namespace": "test", "set_name": "s", "progress": fail}
            with pytest.raises(KeyError) as caught:
                async for _ in client.read_stream(np.arange(N), DTYPE, 1000, **keys):
                    pass
            assert is_right(caught.value.partial)  # type: ignore[attr-defined]
            with pytest.raises(KeyError) as caught:
                list(client.sync.read_stream(np.arange(N), DTYPE, 1000, **keys))
            assert is_right(caught.value.partial)  # type: ignore[attr-defined]

    run(main)


def test_stream_refuses_what_it_cannot_be_given(node: LocalNode) -> None:
    with node.client() as client:
        for stream, error, text in [
            (lambda: client.read_stream(5, DTYPE), TypeError, "iterable"),
            (lambda: client.read_stream("abc", DTYPE), TypeError, "iterable"),
            (lambda: client.read_stream([], DTYPE, 0), exception.InvalidArgError, "chunk"),
            (lambda: client.read_stream([], DTYPE, in_flight=65), exception.InvalidArgError, "in_flight"),
            (lambda: client.write_stream(numbered.rows(3), "test", "s"), TypeError, "batch_write_numpy"),
            (lambda: client.write_stream([{"a": 1}], "test", "s"), exception.InvalidArgError, "row 0 has no"),
            (lambda: client.write_stream([{"_key": 1}]), exception.InvalidArgError, "namespace="),
        ]:  # fmt: skip
            with pytest.raises(error, match=text):
                list(stream())


def test_cancelled_stream_ends_what_is_under_way(node: LocalNode, new_loop: NewLoop) -> None:
    async def main() -> None:
        async with AsyncClient(node.config()) as client:
            policy = {"total_timeout": 60_000}

            async def all_of_it() -> None:
                async for _ in client.read_stream(
                    np.arange(N), DTYPE, 1000, 4, namespace="test", set_name="s", policy=policy
                ):
                    raise AssertionError("a frozen node answers nothing")

            node.freeze()
            task = asyncio.ensure_future(all_of_it())
            await until(lambda: in_use(client))
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            assert in_use(client) == 0
            node.thaw()

    run(main, new_loop)
