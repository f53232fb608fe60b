"""bulk: how many rows are written, which are not, and what is known where it ends early."""

from __future__ import annotations

import asyncio
import csv
import io
import pickle
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from typing import Any

import numpy as np
import pytest

from aerospike_np import POLICY_EXISTS_CREATE, AsyncClient, Client, bulk, exception
from aerospike_np.local import LocalNode

pytestmark = pytest.mark.needs_embedded("a node that it can freeze")

NEW = {"exists": POLICY_EXISTS_CREATE}


@pytest.fixture
def node() -> Iterator[LocalNode]:
    with LocalNode() as node:
        yield node


@pytest.fixture
def client(node: LocalNode) -> Iterator[Client]:
    with node.client() as client:
        yield client


@pytest.fixture(params=["sync", "async"])
def write(request: pytest.FixtureRequest, client: Client) -> Any:
    """bulk of either client."""

    def call(*args: Any, **more: Any) -> Any:
        if request.param == "sync":
            return bulk(client, *args, **more)

        async def main() -> Any:
            async with AsyncClient(client._core.config) as other:
                return await asyncio.wait_for(bulk(other, *args, **more), 60)

        return asyncio.run(main())

    return call


def rows(n: int, first: int = 0) -> Iterator[Any]:
    for i in range(first, first + n):
        yield ("test", "b", i), {"a": i * 7}


def n_there(client: Client, keys: Any) -> int:
    got = client.batch_read(
        np.asarray(keys), _dtype=[("a", "i8")], namespace="test", set_name="b",
        policy={"total_timeout": 60_000},
    )  # fmt: skip
    return int((got.result_codes == 0).sum())


def test_rows_and_mappings_are_all_written(client: Client, write: Any) -> None:
    assert write(rows(2500), chunk=1000) == (2500, [])
    with_meta = [(("test", "b", "m"), {"a": 1}, {"ttl": 1000})]
    assert write(with_meta) == (1, [])
    assert client.get(("test", "b", "m")).meta.ttl <= 1000
    lines = csv.DictReader(io.StringIO("id,city\n1,Oslo\n2,Rome\n3,Lima\n"))
    assert write(lines, "test", "c", key_field="id", chunk=2) == (3, [])
    assert client.get(("test", "c", "3")).bins == {"city": "Lima"}
    assert n_there(client, range(2500)) == 2500
    assert write([]) == (0, [])


def test_failures_are_listed_by_row_and_key(client: Client, write: Any) -> None:
    client.batch_write(list(rows(1, 3)) + list(rows(1, 25)))
    n_ok, errors = write(rows(30), chunk=10, policy=NEW, raise_on_error=False)
    assert n_ok == 28
    assert [(e.row, e.key.user_key, e.code, e.in_doubt) for e in errors] == [
        (3, 3, 5, False),
        (25, 25, 5, False),
    ]
    assert (
        errors[0].reason == "RecordExistsError: The record exists, and the write was to create it."
    )
    assert pickle.loads(pickle.dumps(errors)) == errors


def test_failure_raises_and_nothing_is_begun_after_its_chunk(client: Client, write: Any) -> None:
    client.batch_write(list(rows(1, 3)))
    with pytest.raises(exception.BulkError, match="1 of 30 rows failed.*row 3") as caught:
        write(rows(1000), chunk=10, in_flight=2, policy=NEW)
    error = caught.value
    assert (error.n_ok, [e.row for e in error.errors], error.code) == (29, [3], 5)
    assert error.partial == (29, error.errors) and not error.in_doubt
    assert n_there(client, range(1000)) == 30
    again = pickle.loads(pickle.dumps(error))
    assert (type(again), again.n_ok, again.errors) == (type(error), error.n_ok, error.errors)
    assert str(again) == str(error)


@pytest.mark.parametrize("raises", [False, True])
def test_error_of_the_source_says_what_is_written(client: Client, write: Any, raises: bool) -> None:
    def source() -> Iterator[Any]:
        yield from rows(25)
        raise LookupError

    with pytest.raises(LookupError) as caught:
        write(source(), chunk=10, raise_on_error=raises)
    assert caught.value.partial == (20, [])  # type: ignore[attr-defined]
    assert n_there(client, range(30)) == 20


def test_chunk_that_fails_as_a_whole_says_row_by_row_what_is_written(
    node: LocalNode, client: Client, write: Any
) -> None:
    frozen: list[int] = []

    def source(first: int) -> Iterator[Any]:
        yield from rows(20, first)
        node.freeze()
        frozen.append(first)
        yield from rows(100, first + 20)

    # On a busy machine the time may be over before anything was answered, or sent.
    for turn, milliseconds in enumerate((300, 3000, 30_000)):
        first, policy = turn * 120, {"total_timeout": milliseconds}
        with pytest.raises(exception.AerospikeTimeoutError) as caught:
            write(source(first), chunk=10, in_flight=1, policy=policy, raise_on_error=False)
        if frozen:
            node.thaw()
            frozen.clear()
        n_ok, errors = caught.value.partial
        assert [e.row for e in errors] == list(range(n_ok, n_ok + len(errors)))
        there = {i for i in range(120) if client.exists(("test", "b", first + i)).meta is not None}
        assert set(range(n_ok)) <= there
        assert there - set(range(n_ok)) <= {e.key.user_key - first for e in errors if e.in_doubt}
        if n_ok and caught.value.in_doubt:
            break
    assert 0 < n_ok < 120 and errors and caught.value.in_doubt


def test_interrupt_says_what_is_written(client: Client, write: Any) -> None:
    class Enough(Exception):
        pass

    def progress(done: int, total: int) -> None:
        if done >= 20:
            raise Enough

    with pytest.raises(Enough) as caught:
        write(rows(1000), chunk=10, in_flight=3, progress=progress)
    n_ok, errors = caught.value.partial  # type: ignore[attr-defined]
    doubtful = sum(e.in_doubt for e in errors)
    assert n_ok >= 20 and n_ok <= n_there(client, range(1000)) <= n_ok + doubtful


def test_source_of_an_async_client_may_be_asynchronous(node: LocalNode) -> None:
    async def source() -> AsyncIterator[Any]:
        for row in rows(25):
            await asyncio.sleep(0)
            yield row

    async def main() -> None:
        async with AsyncClient(node.config()) as client:
            assert await bulk(client, source(), chunk=10) == (25, [])
            task = asyncio.ensure_future(bulk(client, rows(10**9), chunk=10))
            while node.stats()["objects"] < 200:  # more than are under way at a time
                await asyncio.sleep(0.002)
            task.cancel()
            with pytest.raises(asyncio.CancelledError) as caught:
                await task
            n_ok, _ = caught.value.partial  # type: ignore[attr-defined]
            assert n_ok > 0

    asyncio.run(asyncio.wait_for(main(), 60))


def test_what_it_cannot_be_given_is_refused(client: Client) -> None:
    for call, error, text in [
        (lambda: bulk(5, []), TypeError, "bulk: client is a Client or an AsyncClient, not int"),
        (lambda: bulk(client, "abc"), TypeError, "iterable of chunks or rows"),
        (lambda: bulk(client, [{"a": 1}], "test", "b"), exception.InvalidArgError, "row 0 has no '_key'"),
        (lambda: bulk(client, [], chunk=0), exception.InvalidArgError, "chunk"),
    ]:  # fmt: skip
        with pytest.raises(error, match=text):
            call()


def test_package_that_has_it_is_imported_without_numpy() -> None:
    code = "import sys, aerospike_np; assert 'bulk' in dir(aerospike_np); sys.exit('numpy' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
