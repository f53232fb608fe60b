"""Batch reads by several threads: the same rows as by one, and errors and ends that are as clean."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from typing import Any

import numbered
import numpy as np
import pytest
from until import in_use, until

from aerospike_np import Client, Keys, exception
from aerospike_np.local import LocalNode

pytestmark = pytest.mark.needs_embedded("a node that is frozen")

N = 23_456
DTYPE = np.dtype([("a", "i8"), ("b", "S16"), ("c", "f4")])


@pytest.fixture(scope="module")
def node() -> Iterator[LocalNode]:
    with LocalNode() as node, node.client() as client:
        rows = numbered.rows(N, ("b", "S16"), ("c", "f8"))
        rows["b"] = rows["_key"].astype("S16")
        rows["c"] = rows["_key"] / 2
        client.batch_write_numpy(rows, "test", "s", bytes_as="str")
        client.batch_write_numpy(rows[::3], "test", "t", bytes_as="str")
        yield node


@pytest.fixture
def client(node: LocalNode) -> Iterator[Client]:
    with node.client() as client:
        yield client


def told(found: Any) -> tuple[Any, ...]:
    columns = {name: column.tolist() for name, column in found.columns.items()}
    masks = {name: found._column_mask(name).tolist() for name in found.field_names}
    return (
        columns,
        masks,
        found.result_codes.tolist(),
        found.meta.tolist(),
        sorted(found.errors.tolist()),
    )


KEYS: dict[str, Any] = {
    "an array": Keys("test", "s", np.arange(N + 500)),
    "backwards": Keys("test", "s", np.arange(N)[::-1]),
    "digests": Keys("test", "s", Keys("test", "s", np.arange(N)).digests()),
    "a list": Keys("test", "s", list(range(N))),
    "tuples of two sets, by turns": [("test", "s" if i % 5 else "t", i) for i in range(N)],
    "tuples of two sets, one behind the other": [("test", "st"[i >= 9_000], i) for i in range(N)],
    "too few for two threads": Keys("test", "s", np.arange(9_999)),
}
KINDS: dict[str, dict[str, Any]] = {
    "rows": {"_dtype": DTYPE},
    "columns": {"_dtype": DTYPE, "layout": "columns"},
    "matrix": {"_dtype": "f8", "bins": ["c", "a"]},
    "objects": {"_dtype": [("a", "O"), ("b", "S16")]},
    "what does not fit": {"_dtype": [("a", "i2"), ("c", "f8")], "errors": "mask"},
}


@pytest.mark.parametrize("asked", KEYS)
@pytest.mark.parametrize("kind", KINDS)
def test_any_number_of_threads_reads_the_same(client: Client, kind: str, asked: str) -> None:
    if kind not in ("rows", "what does not fit") and asked not in ("an array", "a list"):
        pytest.skip("the layout and the keys have nothing to do with one another")
    keys, options = KEYS[asked], KINDS[kind]
    wanted = told(client.batch_read(keys, policy={"total_timeout": 60_000}, **options))
    for threads in (2, 3, 64):
        policy = {"threads": threads, "total_timeout": 60_000}
        found = client.batch_read(keys, policy=policy, **options)
        assert told(found) == wanted
        assert min(found.timings.values()) >= 0 and found.timings["decoding"] > 0


def test_memory_that_is_given_is_written_by_all_of_them(client: Client) -> None:
    out = np.zeros(N, DTYPE)
    client.batch_read(Keys("test", "s", np.arange(N)), out=out, policy={"threads": 4})
    assert (out["a"] == np.arange(N) * 7 + 1).all()


def test_progress_counts_the_rows_of_all_threads(client: Client) -> None:
    seen: list[tuple[int, int]] = []
    client.batch_read(
        Keys("test", "s", np.arange(N)),
        _dtype=DTYPE,
        policy={"threads": 4},
        progress=lambda done, total: seen.append((done, total)),
    )
    assert seen[-1] == (N, N)


@pytest.mark.parametrize("threads", [0, 65, -1, 1.5, "2"])
def test_a_number_of_threads_that_can_not_be_is_refused(client: Client, threads: Any) -> None:
    with pytest.raises((exception.InvalidArgError, TypeError), match="threads"):
        client.batch_read(Keys("test", "s", [1]), _dtype=DTYPE, policy={"threads": threads})


def test_a_time_out_ends_all_threads_with_the_rows_that_came(node: LocalNode) -> None:
    with node.client() as client:
        keys = Keys("test", "s", np.arange(N))
        client.batch_read(keys, _dtype=DTYPE, policy={"threads": 4})
        node.freeze()
        try:
            with pytest.raises(exception.AerospikeTimeoutError, match="of the rows from") as caught:
                client.batch_read(
                    keys,
                    _dtype=DTYPE,
                    policy={"threads": 4, "total_timeout": 200, "max_retries": 0},
                )
        finally:
            node.thaw()
        partial = caught.value.partial
        assert len(partial) == N and set(partial.result_codes.tolist()) <= {0, -15}
        assert (partial.result_codes == -15).any()
        again = client.batch_read(
            keys, _dtype=DTYPE, policy={"threads": 4, "total_timeout": 60_000}
        )
        assert (again["a"] == np.arange(N) * 7 + 1).all()


def test_close_ends_all_threads(node: LocalNode) -> None:
    client = node.client().connect()
    keys = Keys("test", "s", np.arange(N))
    client.batch_read(keys, _dtype=DTYPE, policy={"threads": 4})
    caught: list[BaseException] = []

    def read() -> None:
        try:
            client.batch_read(keys, _dtype=DTYPE, policy={"threads": 4, "total_timeout": 60_000})
        except exception.AerospikeError as error:
            caught.append(error)

    node.freeze()
    try:
        thread = threading.Thread(target=read)
        thread.start()
        until(lambda: in_use(client))
        client.close()
        thread.join(60)
    finally:
        node.thaw()
    assert not thread.is_alive()
    assert len(caught) == 1 and len(caught[0].partial) == N  # type: ignore[attr-defined]


def test_an_error_of_this_side_ends_all_threads(client: Client) -> None:
    def stop(done: int, total: int) -> None:
        raise ValueError("enough")

    with pytest.raises(ValueError, match="enough") as caught:
        client.batch_read(
            Keys("test", "s", np.arange(N)), _dtype=DTYPE, policy={"threads": 4}, progress=stop
        )
    assert len(caught.value.partial) == N  # type: ignore[attr-defined]


def test_a_cancelled_await_ends_all_threads(node: LocalNode) -> None:
    async def main() -> None:
        async with node.client().aio as client:
            keys = Keys("test", "s", np.arange(N))
            policy = {"threads": 4, "total_timeout": 60_000}
            await client.batch_read(keys, _dtype=DTYPE, policy=policy)
            node.freeze()
            try:
                task = asyncio.ensure_future(client.batch_read(keys, _dtype=DTYPE, policy=policy))
                while not in_use(client):
                    await asyncio.sleep(0.001)
                task.cancel()
                with pytest.raises(asyncio.CancelledError):
                    await asyncio.wait_for(asyncio.shield(task), 60)
            finally:
                node.thaw()
            found = await client.batch_read(keys, _dtype=DTYPE, policy=policy)
            assert (found["a"] == np.arange(N) * 7 + 1).all()

    asyncio.run(main())
