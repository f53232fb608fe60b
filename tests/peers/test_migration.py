"""What docs/migration.md says of the other asynchronous clients, and of ours, is so."""

from __future__ import annotations

import asyncio
import importlib
import subprocess
import sys
from collections.abc import Awaitable, Callable, Coroutine, Iterator
from typing import Any

import numpy as np
import pytest
from until import in_use

import aerospike_np
from aerospike_np import AsyncClient, exception
from aerospike_np.local import LocalNode

from .clients import AerospikePy, Native

NEVER = 0xFFFFFFFF
Main = Callable[..., Coroutine[Any, Any, None]]


@pytest.fixture
def node() -> Iterator[LocalNode]:
    """A node of its own, which may be frozen."""
    with LocalNode() as node:
        yield node


def package(kind: Any) -> Any:
    return pytest.importorskip(
        kind.name, reason=f"{kind.name} is not installed: pip install {kind.needs}"
    )


def with_aerospike_py(node: LocalNode, main: Main) -> None:
    """Awaits main(their client, ours)."""
    module = package(AerospikePy)

    async def run() -> None:
        theirs = await module.AsyncClient(node.config()).connect()
        async with AsyncClient(node.config()) as ours:
            await main(theirs, ours)
        await theirs.close()

    asyncio.run(asyncio.wait_for(run(), 60))


def with_native(node: LocalNode, main: Main) -> None:
    """Awaits main(their module, their client, ours)."""
    module = package(Native)

    async def run() -> None:
        theirs = await module.new_client(module.ClientPolicy(), f"{node.host}:{node.port}")
        async with AsyncClient(node.config()) as ours:
            await main(module, theirs, ours)
        await theirs.close()

    asyncio.run(asyncio.wait_for(run(), 60))


async def raised(work: Callable[[], Any]) -> BaseException:
    try:
        got = work()
        if isinstance(got, Awaitable):
            got = await got
    except BaseException as error:
        return error
    raise AssertionError(f"no error, but {got!r}")


async def is_there(client: AsyncClient, key: Any) -> bool:
    return (await client.exists(key)).meta is not None


async def begun(client: AsyncClient) -> None:
    """Waits until a call of ours has a connection."""
    async with asyncio.timeout(20):
        while not in_use(client):
            await asyncio.sleep(0.002)


async def cancelled(
    node: LocalNode, work: Callable[[], Any], ours: AsyncClient | None = None
) -> BaseException:
    """What a call raises that is cancelled while the node is frozen."""
    node.freeze()

    async def call() -> Any:
        return await work()

    task = asyncio.ensure_future(call())
    if ours is not None:
        await begun(ours)
    await asyncio.sleep(0.03)
    task.cancel()
    error = await raised(lambda: task)
    node.thaw()
    return error


# ---- aerospike-py's AsyncClient ----


def test_connecting_of_aerospike_py(node: LocalNode) -> None:
    module = package(AerospikePy)

    async def main() -> None:
        async with module.AsyncClient(node.config()) as theirs:
            assert not theirs.is_connected()
            assert (
                type(await raised(lambda: theirs.get(("test", "s", 1)))).__name__ == "ClientError"
            )
            await theirs.connect()
            assert type(await raised(theirs.connect)).__name__ == "ClientError"
        async with AsyncClient(node.config()) as ours:
            assert ours.is_connected()
            assert await ours.connect() is ours

    asyncio.run(main())


def test_batches_of_aerospike_py(node: LocalNode) -> None:
    async def main(theirs: Any, ours: AsyncClient) -> None:
        one, none = ("test", "s", 1), ("test", "s", 9)
        await ours.put(one, {"a": 1})
        lazy, got = [await client.batch_read([one, one, none]) for client in (theirs, ours)]
        assert (len(lazy), len(got)) == (2, 1)
        assert (lazy.to_dict(), got.to_dict()) == ({1: {"a": 1}}, {1: {"a": 1}})
        for name in ("to_list", "iter_records", "merge_to_dict", "all_user_keys", "release_cache"):
            assert hasattr(lazy, name) and not hasattr(got, name)
        assert [row.record is not None for row in got.batch_records] == [True, True, False]
        assert lazy.batch_records[0].record[0][2] is None
        assert got.batch_records[0].record.key.user_key == 1
        data = np.zeros(1, [("_key", "i8"), ("a", "i8")])
        assert isinstance(
            await raised(lambda: theirs.batch_write_numpy(data, "test", "s")), TypeError
        )
        assert (await ours.batch_write_numpy(data, "test", "s")).result_codes.tolist() == [0]
        keys, short = [one] * 3, {"total_timeout": 50, "max_retries": 0}
        node.freeze()
        errors = [await raised(lambda c=c: c.batch_read(keys, None, short)) for c in (theirs, ours)]
        node.thaw()
        assert [hasattr(error, "partial") for error in errors] == [False, True]
        assert isinstance(errors[1], exception.AerospikeTimeoutError) and errors[1].code == 9
        assert len(errors[1].partial.batch_records) == 3

    with_aerospike_py(node, main)


def test_values_and_info_of_aerospike_py(node: LocalNode) -> None:
    async def main(theirs: Any, ours: AsyncClient) -> None:
        key = ("test", "s", 1)
        await theirs.put(key, {"a": 2**63})
        assert (await ours.get(key)).bins == {"a": -(2**63)}
        assert isinstance(
            await raised(lambda: ours.put(key, {"a": 2**63})), exception.InvalidArgError
        )
        for value, read in ((np.int64(3), 3), ((1, 2), [1, 2]), (np.arange(3), [0, 1, 2])):
            assert isinstance(await raised(lambda v=value: theirs.put(key, {"a": v})), TypeError)
            await ours.put(key, {"a": value})
            assert (await theirs.get(key)).bins == {"a": read}
        answers = [await client.info_random_node("build") for client in (theirs, ours)]
        assert answers == ["8.1.2.0", "build\t8.1.2.0\n"]
        answers = [(await client.info_all("build"))[0].response for client in (theirs, ours)]
        assert answers == ["8.1.2.0", "8.1.2.0\n"]
        nowhere = ("nope", "s", 1)
        kinds = [type(await raised(lambda c=c: c.get(nowhere))).__name__ for c in (theirs, ours)]
        assert kinds == ["AerospikeTimeoutError", "NamespaceNotFound"]

    with_aerospike_py(node, main)


def test_cancelling_and_closing_of_aerospike_py(node: LocalNode) -> None:
    async def main(theirs: Any, ours: AsyncClient) -> None:
        error: Any = await cancelled(node, lambda: theirs.put(("test", "s", 1), {"a": 1}))
        assert isinstance(error, asyncio.CancelledError) and not hasattr(error, "in_doubt")
        error = await cancelled(node, lambda: ours.put(("test", "s", 2), {"a": 1}), ours)
        assert isinstance(error, asyncio.CancelledError) and error.in_doubt
        assert isinstance(await raised(lambda: theirs.close(drain=1)), TypeError)
        for drain, end in ((0, "ClientError"), (20, "Record")):
            await ours.connect()
            await ours.get(("test", "s", 2))
            node.freeze()
            task = asyncio.ensure_future(ours.get(("test", "s", 2), {"total_timeout": 60_000}))
            await begun(ours)
            closing = asyncio.ensure_future(ours.close(drain=drain))
            if drain:
                node.thaw()
            await closing
            (got,) = await asyncio.gather(task, return_exceptions=True)
            assert type(got).__name__ == end
            if not drain:
                node.thaw()

    with_aerospike_py(node, main)


# ---- aerospike-native ----


def test_event_loops_of_native(node: LocalNode) -> None:
    package(Native)
    script = "import asyncio, {0}; print(type(asyncio.get_event_loop_policy()).__module__)"
    said = [
        subprocess.run(
            [sys.executable, "-c", script.format(name)], capture_output=True, text=True, check=True
        ).stdout.strip()
        for name in (Native.name, aerospike_np.__name__)
    ]
    assert said[0] == "uvloop" and said[1].startswith("asyncio")

    module = importlib.import_module(Native.name)
    ours = AsyncClient(node.config())

    async def connect() -> Any:
        await ours.connect()
        return await module.new_client(module.ClientPolicy(), f"{node.host}:{node.port}")

    first = asyncio.new_event_loop()
    theirs = first.run_until_complete(connect())

    async def elsewhere() -> None:
        assert isinstance(
            await raised(lambda: theirs.exists(module.Key("test", "s", 1))), RuntimeError
        )
        assert not await is_there(ours, ("test", "s", 1))
        await ours.close()

    asyncio.run(elsewhere())

    async def close() -> None:
        await theirs.close()

    first.run_until_complete(close())
    first.close()


def test_calls_of_native_begin_before_they_are_awaited(node: LocalNode) -> None:
    async def main(module: Any, theirs: Any, ours: AsyncClient) -> None:
        begun = theirs.put(module.Key("test", "s", 1), {"a": 1})
        async with asyncio.timeout(20):
            while not await is_there(ours, ("test", "s", 1)):
                await asyncio.sleep(0.01)
        await begun
        waits = ours.put(("test", "s", 2), {"a": 1})
        await asyncio.sleep(0.02)
        assert not await is_there(ours, ("test", "s", 2))
        await waits
        assert await is_there(ours, ("test", "s", 2))

    with_native(node, main)


def test_keys_and_records_of_native(node: LocalNode) -> None:
    async def main(module: Any, theirs: Any, ours: AsyncClient) -> None:
        def digest(key: Any) -> str:
            return bytes(aerospike_np.calc_digest("test", "s", key)).hex()

        for key in (1, "abc", bytearray(b"abc")):
            given = bytes(key) if isinstance(key, bytearray) else key
            assert module.Key("test", "s", given).digest == digest(key)
        assert digest(b"abc") == digest("abc") != digest(bytearray(b"abc"))
        assert not isinstance(await raised(lambda: module.Key("test", "s", 1.5)), Exception)
        assert isinstance(await raised(lambda: ours.get(("test", "s", 1.5))), ValueError)

        key, one = ("test", "s", 1), module.Key("test", "s", 1)
        await ours.put(key, {"a": 1, "b": 2})
        record = await theirs.get(one, ["a"])
        assert (record.bins, record.generation, record.ttl) == ({"a": 1}, 1, None)
        selected = await ours.select(key, ["a"])
        assert (selected.bins, selected.meta.gen, selected.meta.ttl) == ({"a": 1}, 1, NEVER)
        missing = module.Key("test", "s", 9)
        assert await theirs.delete(missing) is False
        assert isinstance(
            await raised(lambda: ours.remove(("test", "s", 9))), exception.RecordNotFound
        )
        assert await theirs.batch_exists([one, missing]) == [True, False]
        header = await ours.batch_read([key, ("test", "s", 9)], [])
        assert (header.result_codes == 0).tolist() == [True, False]
        assert header.batch_records[0].record.meta.gen == 1
        await ours.batch_write(zip([("test", "s", 3)], [{"a": 3}], strict=True))
        assert (await theirs.batch_read([module.Key("test", "s", 3)]))[0].record.bins == {"a": 3}
        await theirs.add(one, {"a": 5})
        await ours.increment(key, "a", 5)
        assert (await ours.get(key)).bins == {"a": 11, "b": 2}
        assert await theirs.info("build") == {"build": "8.1.2.0"}

    with_native(node, main)


def test_policies_of_native(node: LocalNode) -> None:
    async def main(module: Any, theirs: Any, ours: AsyncClient) -> None:
        policy, read = module.WritePolicy(), module.ReadPolicy()
        assert (read.total_timeout, read.socket_timeout, read.max_retries) == (1000, 30_000, 2)
        assert (read.sleep_between_retries, policy.max_retries) == (0, 0)
        policy.expiration = module.Expiration.seconds(500)
        await theirs.put(module.Key("test", "s", 1), {"a": 1}, policy=policy)
        await ours.put(("test", "s", 2), {"a": 1}, {"ttl": 500})
        for i in (1, 2):
            assert 400 <= (await ours.exists(("test", "s", i))).meta.ttl <= 500  # type: ignore[union-attr]

        policy = module.WritePolicy()
        policy.generation_policy, policy.generation = module.GenerationPolicy.EXPECT_GEN_EQUAL, 7
        error = await raised(
            lambda: theirs.put(module.Key("test", "s", 1), {"a": 2}, policy=policy)
        )
        assert type(error).__name__ == "GenerationError"
        guarded = {"gen": aerospike_np.POLICY_GEN_EQ}
        error = await raised(lambda: ours.put(("test", "s", 1), {"a": 2}, {"gen": 7}, guarded))
        assert isinstance(error, exception.RecordGenerationError)

        policy = module.WritePolicy()
        policy.record_exists_action = module.RecordExistsAction.CREATE_ONLY
        error = await raised(
            lambda: theirs.put(module.Key("test", "s", 1), {"a": 2}, policy=policy)
        )
        assert type(error).__name__ == "RecordExistsError"
        create = {"exists": aerospike_np.POLICY_EXISTS_CREATE}
        error = await raised(lambda: ours.put(("test", "s", 1), {"a": 2}, None, create))
        assert isinstance(error, exception.RecordExistsError)

    with_native(node, main)


def test_errors_of_native(node: LocalNode) -> None:
    async def main(module: Any, theirs: Any, ours: AsyncClient) -> None:
        theirs_of, key = module.exceptions, ("test", "s", 1)
        error: Any = await raised(lambda: theirs.get(module.Key(*key)))
        assert isinstance(error, theirs_of.RecordNotFound)
        assert not isinstance(error, theirs_of.AerospikeError)
        assert issubclass(exception.RecordNotFound, exception.AerospikeError)
        error = await raised(lambda: theirs.get(module.Key("nope", "s", 1)))
        assert isinstance(error, theirs_of.InvalidNamespaceError)
        error = await raised(lambda: ours.get(("nope", "s", 1)))
        assert isinstance(error, exception.NamespaceNotFound)
        short = module.BatchPolicy()
        short.total_timeout, short.max_retries = 50, 0
        node.freeze()
        error = await raised(lambda: theirs.batch_read([module.Key(*key)], batch_policy=short))
        assert isinstance(error, theirs_of.BatchFailedError) and not hasattr(error, "partial")
        policy = {"total_timeout": 50, "max_retries": 0}
        error = await raised(lambda: ours.batch_read([key], policy=policy))
        assert (
            isinstance(error, exception.AerospikeTimeoutError)
            and len(error.partial.result_codes) == 1
        )
        node.thaw()
        await theirs.close()
        error = await raised(lambda: theirs.get(module.Key(*key)))
        assert isinstance(error, theirs_of.InvalidNamespaceError)
        await ours.close()
        error = await raised(lambda: ours.get(key))
        assert type(error) is exception.ClientError and "closed" in str(error)

    with_native(node, main)
