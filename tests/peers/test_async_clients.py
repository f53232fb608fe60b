"""The asynchronous clients side by side on one node: same records, same misses, errors of the same meaning."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Iterator
from typing import Any

import numpy as np
import pytest

from aerospike_np.local import LocalNode

from .async_clients import EVERYONE, connected
from .clients import AerospikePy, Geo, Hll, Native, Ours
from .test_values import VALUES, as_read_by, shape

DTYPE = np.dtype([("i", "i8"), ("f", "f8")])
SHORT = {"total_timeout": 100, "max_retries": 0}


def run(main: Callable[[], Coroutine[Any, Any, Any]]) -> Any:
    """On asyncio's own loop, whatever a package has made the default."""
    with asyncio.Runner(loop_factory=asyncio.SelectorEventLoop) as runner:
        return runner.run(asyncio.wait_for(main(), 60))


async def failure(work: Awaitable[Any]) -> Exception:
    try:
        got = await work
    except Exception as error:
        return error
    raise AssertionError(f"no error, but {got!r}")


def kinds(error: BaseException) -> set[str]:
    return {kind.__name__ for kind in type(error).__mro__}


# ---- the same records ----


@pytest.mark.parametrize("writer", EVERYONE)
def test_what_one_puts_every_other_one_gets(writer: str, node: LocalNode) -> None:
    async def main() -> None:
        async with connected(node, writer, *EVERYONE) as (writing, *readers):
            values = {
                name: value
                for name, value in VALUES.items()
                if not isinstance(value, writing.cannot_write)
            }
            keys = {name: ("test", f"async {writer}", name) for name in values}
            await asyncio.gather(*(writing.put(keys[n], {"v": v}) for n, v in values.items()))
            for reading in readers:
                got = await asyncio.gather(*(reading.get(keys[name]) for name in values))
                for (name, value), bins in zip(values.items(), got, strict=True):
                    want = as_read_by(reading, value)
                    if isinstance(value, Geo) and isinstance(want, str):
                        bins, want = {"v": Geo(bins["v"])}, value
                    assert list(bins) == ["v"]
                    assert shape(bins["v"]) == shape(want), f"{name}, read by {reading.name}"

    run(main)


@pytest.mark.parametrize("writer", EVERYONE)
def test_batches_of_all_are_alike(writer: str, fresh: str, node: LocalNode) -> None:
    plain = [value for value in VALUES.values() if not isinstance(value, Geo | Hll)]
    rows = [(("test", fresh, i), {"v": value, "n": i}) for i, value in enumerate(plain)]
    asked = [key for key, _ in rows] + [("test", fresh, "missing"), rows[0][0]]

    async def main() -> None:
        async with connected(node, writer, *EVERYONE) as (writing, *readers):
            assert await writing.batch_write(rows) == [0] * len(rows)
            for reading in readers:
                got = await reading.batch_read(asked)
                want = [bins for _, bins in rows] + [None, rows[0][1]]
                assert [shape(bins) for bins in got] == [shape(bins) for bins in want], reading.name
            assert await writing.batch_remove([rows[0][0], ("test", fresh, "missing")]) == [0, 2]
            for reading in readers:
                assert await reading.batch_read([rows[0][0], rows[1][0]]) == [None, rows[1][1]]

    run(main)


def test_arrays_of_aerospike_py_and_ours_are_one(fresh: str, node: LocalNode) -> None:
    data = np.zeros(300, [("_key", "i8"), *DTYPE.descr])
    data["_key"], data["i"], data["f"] = np.arange(300), np.arange(300) - 7, np.arange(300) / 8
    keys = [("test", fresh, i) for i in range(301)]

    async def main() -> None:
        async with connected(node, Ours.name, AerospikePy.name) as (ours, theirs):
            for writing in (ours, theirs):
                await ours.client.truncate("test", fresh)
                written = await writing.client.batch_write_numpy(data, "test", fresh, data.dtype)
                assert [row.result for row in written.batch_records] == [0] * 300
                for reading in (ours, theirs):
                    got = (await reading.client.batch_read(keys)).to_numpy(DTYPE)
                    assert got.result_codes.tolist() == [0] * 300 + [2]
                    for name in DTYPE.names or ():
                        assert np.array_equal(got.batch_records[name][:300], data[name]), name
                straight = await ours.client.batch_read(keys, _dtype=DTYPE)
                assert np.array_equal(straight.batch_records, got.batch_records)

    run(main)


@pytest.mark.parametrize("loop", ["asyncio", "uvloop"])
def test_two_hundred_of_each_at_once_get_their_own_answers(
    loop: str, fresh: str, node: LocalNode
) -> None:
    factory: Any = asyncio.SelectorEventLoop
    if loop == "uvloop":
        factory = pytest.importorskip("uvloop").new_event_loop

    async def one(client: Any, i: int) -> None:
        key = ("test", fresh, f"{client.name} {i}")
        if i % 4 == 0:
            assert (await failure(client.get(key))).__class__.__name__ == "RecordNotFound"
        await client.put(key, {"v": i, "w": f"{client.name} {i}"})
        await client.increment(key, "v", 1000)
        assert await client.get(key) == {"v": i + 1000, "w": f"{client.name} {i}"}

    async def main() -> None:
        async with connected(node, *EVERYONE) as clients:
            await asyncio.gather(*(one(client, i) for i in range(200) for client in clients))
            keys = [("test", fresh, f"{name} {i}") for name in EVERYONE for i in range(200)]
            seen = await asyncio.gather(*(client.batch_read(keys) for client in clients))
            assert seen[0] == seen[1] == seen[2]
            assert None not in seen[0]

    with asyncio.Runner(loop_factory=factory) as runner:
        runner.run(asyncio.wait_for(main(), 60))


# ---- the same misses and errors ----


def test_misses_are_told_alike(fresh: str, node: LocalNode) -> None:
    async def main() -> None:
        async with connected(node, *EVERYONE) as clients:
            for client in clients:
                key = ("test", fresh, client.name)
                assert not await client.exists(key)
                error = await failure(client.get(key))
                assert {"RecordNotFound", "RecordError"} <= kinds(error)
                assert client.code_of(error) == 2
                await client.put(key, {"a": 1})
                assert await client.exists(key)
                await client.remove(key)
                assert not await client.exists(key)

    run(main)


def test_errors_of_the_server_have_the_same_class_and_code(fresh: str, node: LocalNode) -> None:
    async def main() -> None:
        async with connected(node, *EVERYONE) as clients:
            for client in clients:
                key = ("test", fresh, client.name)
                await client.put(key, {"s": "text"})
                error = await failure(client.increment(key, "s", 1))
                assert {"BinTypeError", "BinIncompatibleType"} & kinds(error), client.name
                assert client.code_of(error) == 12
                error = await failure(client.put(key, {"b": bytes(1 << 20)}))
                assert "RecordTooBig" in kinds(error)
                assert client.code_of(error) == 13
                assert await client.get(key) == {"s": "text"}

    run(main)


def test_arguments_that_cannot_be_are_refused_by_all(fresh: str, node: LocalNode) -> None:
    async def refused(client: Any, bins: dict[str, Any]) -> str:
        async def work() -> None:  # some refuse before there is anything to await
            await client.put(("test", fresh, 1), bins)

        return type(await failure(work())).__name__

    async def main() -> None:
        async with connected(node, *EVERYONE) as clients:
            long = [await refused(client, {"b" * 16: 1}) for client in clients]
            assert long == ["ParamError", "ValueError", "ValueError"]
            odd = [await refused(client, {"a": object()}) for client in clients]
            assert odd == ["TypeError"] * 3

    run(main)


@pytest.fixture
def frozen() -> Iterator[LocalNode]:
    """A node that can be frozen without harm to the others' tests."""
    with LocalNode() as node:
        yield node


@pytest.mark.parametrize("name", EVERYONE)
def test_time_outs_are_the_same_error_and_writes_are_in_doubt(name: str, frozen: LocalNode) -> None:
    async def main() -> None:
        async with connected(frozen, name) as (client,):
            key = ("test", "demo", 1)
            await client.put(key, {"a": 1})
            frozen.freeze()
            read = await failure(client.get(key, **SHORT))
            for milliseconds in (
                100,
                1000,
                10_000,
            ):  # until it has been sent before its time is over
                short = {**SHORT, "total_timeout": milliseconds}
                write = await failure(client.put(key, {"a": 2}, **short))
                if getattr(write, "in_doubt", True):
                    break
            frozen.thaw()
            for error in (read, write):
                assert {"AerospikeTimeoutError", "TimeoutError"} & kinds(error)
            if name == AerospikePy.name:  # it does not say
                assert not hasattr(write, "in_doubt")
            else:
                assert (read.in_doubt, write.in_doubt) == (False, True)  # type: ignore[attr-defined]
            assert await client.get(key) in ({"a": 1}, {"a": 2})

    run(main)


@pytest.mark.parametrize("name", EVERYONE)
def test_cancelled_calls_leave_the_client_well(name: str, frozen: LocalNode) -> None:
    async def main() -> None:
        async with connected(frozen, name) as (client,):
            keys = [("test", "demo", i) for i in range(50)]
            await asyncio.gather(*(client.put(key, {"a": key[2]}) for key in keys))
            frozen.freeze()
            tasks = [asyncio.ensure_future(client.get(key, total_timeout=60_000)) for key in keys]
            await asyncio.sleep(0)
            for task in tasks:
                task.cancel()
            ended = await asyncio.gather(*tasks, return_exceptions=True)
            assert all(isinstance(end, asyncio.CancelledError) for end in ended)
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(client.get(keys[0], total_timeout=60_000), 0.05)
            frozen.thaw()
            got = await asyncio.gather(*(client.get(key) for key in keys))
            assert got == [{"a": i} for i in range(50)]

    run(main)


def test_nobody_there_is_an_error_of_connecting() -> None:
    class Nowhere:
        host, port = "127.0.0.1", 1

    async def main() -> None:
        expected = {
            Ours.name: "ClusterError",
            AerospikePy.name: "ClusterError",
            Native.name: "ConnectionError",
        }
        for name, kind in expected.items():

            async def attempt(name: str = name) -> None:
                async with connected(Nowhere(), name):
                    pass

            assert kind in kinds(await failure(attempt())), name

    run(main)
