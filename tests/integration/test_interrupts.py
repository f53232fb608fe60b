"""Calls that a frozen node does not answer: what Ctrl-C, close() and time-outs leave, and other threads' turns."""

from __future__ import annotations

import asyncio
import gc
import signal
import threading
import time
import warnings
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numbered
import pytest
from numbered import DTYPE
from scripts import N
from until import NO_TENDING, in_use, unread, until

from aerospike_np import AsyncClient, Client, exception
from aerospike_np.local import LocalNode

pytestmark = pytest.mark.needs_embedded("a node of its own, which it freezes")


@pytest.fixture
def node() -> Iterator[LocalNode]:
    with numbered.node(N) as node:
        yield node


PATIENT = {"total_timeout": 3_600_000, "socket_timeout": 3_600_000}


KEYS = [("test", "s", i) for i in range(3)]
CALLS: dict[str, Callable[[Client], Any]] = {
    "get": lambda c: c.get(("test", "s", 1), PATIENT),
    "put": lambda c: c.put(("test", "w", 1), {"a": 1}, policy=PATIENT),
    "exists": lambda c: c.exists(("test", "s", 1), PATIENT),
    "remove": lambda c: c.remove(("test", "w", 1), policy=PATIENT),
    "batch_read": lambda c: c.batch_read(KEYS, _dtype=DTYPE, policy=PATIENT),
    "batch_records": lambda c: c.batch_read(KEYS, policy=PATIENT),
    "batch_write": lambda c: c.batch_write(
        [(("test", "w", i), {"a": 1}) for i in range(3)], PATIENT
    ),
    "batch_remove": lambda c: c.batch_remove([("test", "w", i) for i in range(3)], PATIENT),
    "batch_write_numpy": lambda c: c.batch_write_numpy(
        numbered.rows(3), "test", "w", policy=PATIENT
    ),
    "info": lambda c: c.info_all("build", {"total_timeout": 3_600_000}),
    "read_stream": lambda c: list(
        c.read_stream(range(9), [("a", "i8")], 3, namespace="test", set_name="s", policy=PATIENT)
    ),
    "write_stream": lambda c: list(
        c.write_stream([numbered.rows(3)] * 3, "test", "w", policy=PATIENT)
    ),
}


def interrupted(call: Callable[[], Any], when: Callable[[], Any]) -> KeyboardInterrupt:
    """Ctrl-C as soon as the condition holds: what was raised, soon, by a call that has an hour."""
    sent, begun = [0.0], threading.Event()

    def send() -> None:
        begun.wait()
        try:
            until(when, "the moment for Ctrl-C")
        finally:
            sent[0] = time.monotonic()
            signal.raise_signal(signal.SIGINT)

    thread = threading.Thread(target=send)
    thread.start()
    with pytest.raises(KeyboardInterrupt) as caught:
        begun.set()
        call()
    heard = time.monotonic()
    thread.join()
    assert heard - sent[0] < 30  # benchmarks/interrupt.py has the figure
    return caught.value


@pytest.mark.only_sync("Ctrl-C is heard by the thread that calls")
@pytest.mark.parametrize("name", CALLS)
def test_ctrl_c_ends_a_call_that_a_frozen_node_does_not_answer(node: LocalNode, name: str) -> None:
    with node.client(NO_TENDING) as client:
        assert client.get(("test", "s", 1)).bins == {"a": 8}
        node.freeze()
        try:
            error = interrupted(lambda: CALLS[name](client), lambda: unread(node))
        finally:
            node.thaw()
        if name in ("put", "remove"):
            assert error.in_doubt  # type: ignore[attr-defined]
        if name.startswith("batch") or name.endswith("stream"):
            partial = error.partial  # type: ignore[attr-defined]
            assert len(partial.result_codes) == 3 and (partial.result_codes != 0).all()
            if "write" in name or "remove" in name:
                assert partial.in_doubt.all()  # all was sent, and no answer came
            elif name == "batch_read":
                assert partial.mask["a"].all() and not partial.ok.any()
        assert client.get(("test", "s", 2)).bins == {"a": 15}


@pytest.mark.only_sync("Ctrl-C is heard by the thread that calls")
def test_ctrl_c_ends_connecting(node: LocalNode) -> None:
    node.freeze()
    client = Client({**node.config(), "connect_timeout": 3_600_000})
    try:
        interrupted(client.connect, lambda: unread(node))
    finally:
        node.thaw()
    assert not client.is_connected()
    with client:
        assert client.get(("test", "s", 1)).bins == {"a": 8}


@pytest.mark.only_sync("Ctrl-C is heard by the thread that calls")
def test_ctrl_c_ends_waiting_for_a_turn_and_for_close(node: LocalNode) -> None:
    config = {
        **node.config(),
        "max_concurrent_operations": 1,
        "operation_queue_timeout_ms": 3_600_000,
    }
    with Client(config) as client:
        client.get(("test", "s", 1))
        node.freeze()
        ended: list[Any] = []
        thread = threading.Thread(
            target=lambda: ended.append(client.get(("test", "s", 3), PATIENT))
        )
        try:
            thread.start()
            until(lambda: in_use(client))
            later = time.monotonic() + 0.2  # nobody tells that it waits
            interrupted(lambda: CALLS["get"](client), lambda: time.monotonic() > later)
        finally:
            node.thaw()
        thread.join(30)
        assert ended[0].bins == {"a": 22}  # the one that was in is not harmed
        assert client.get(("test", "s", 2)).bins == {"a": 15}
        node.freeze()

        def fails() -> None:
            with pytest.raises(exception.AerospikeError):
                client.get(("test", "s", 3), PATIENT)
            ended.append(None)

        thread = threading.Thread(target=fails)
        try:
            thread.start()
            until(lambda: in_use(client))
            interrupted(lambda: client.close(drain=3600), lambda: not client.is_connected())
            thread.join(30)
        finally:
            node.thaw()
        assert ended[1:] == [None] and not client.is_connected()


# ---- close, connect, drop ----


@pytest.mark.parametrize("name", CALLS)
def test_close_ends_the_call_of_another_thread(node: LocalNode, name: str) -> None:
    client = node.client(NO_TENDING).connect()
    ended: list[Any] = []

    def work() -> None:
        try:
            ended.append(CALLS[name](client))
        except BaseException as error:
            ended.append(error)

    node.freeze()
    try:
        thread = threading.Thread(target=work)
        thread.start()
        until(lambda: unread(node), "a request")
        client.close()
        thread.join(30)
    finally:
        node.thaw()
    assert not thread.is_alive()
    failure = ended[0][0].response if isinstance(ended[0], list) else ended[0]  # info: data
    assert isinstance(failure, exception.AerospikeError) or "client was closed" in failure, ended


@pytest.mark.parametrize("name", ["connect", "get"])
def test_close_ends_the_connecting_of_another_thread(node: LocalNode, name: str) -> None:
    client, ended = Client(node.config()), []

    def work() -> None:
        try:
            ended.append(client.connect() if name == "connect" else CALLS[name](client))
        except BaseException as error:
            ended.append(error)

    node.freeze()
    try:
        before = unread(node)
        thread = threading.Thread(target=work)
        thread.start()
        until(lambda: unread(node) > before, "what the client asks its seed")
        client.close()
        thread.join(30)
    finally:
        node.thaw()
    assert not thread.is_alive()
    assert isinstance(ended[0], exception.ClientError), ended
    assert "close" in str(ended[0])
    assert not client._core.is_open()
    assert client.connect().get(("test", "s", 5)).bins == {"a": 36}
    client.close()


def test_connecting_twice_and_from_eight_threads_at_once_opens_one_cluster(node: LocalNode) -> None:
    for _ in range(20):
        client = Client(node.config())
        barrier, failures = threading.Barrier(8), []

        def work(client: Client = client, barrier: Any = barrier, failures: Any = failures) -> None:
            try:
                barrier.wait()
                assert client.connect() is client
                assert client.get(("test", "s", 5)).bins == {"a": 36}
            except BaseException as error:
                failures.append(error)

        threads = [threading.Thread(target=work) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert not failures
        assert len(client.get_stats().nodes) == 1
        client.close()
        client.close()
        for name in CALLS:
            with pytest.raises(exception.AerospikeError, match="closed"):
                CALLS[name](client)
        assert client.connect().get(("test", "s", 5)).bins == {"a": 36}
        client.close()


def test_dropped_without_close_warns_once_whichever_face_was_made_first(node: LocalNode) -> None:
    def drop(client: Any) -> None:
        async def main() -> None:
            await client.connect()
            assert (await client.get(("test", "s", 1))).bins == {"a": 8}
            client.sync.get(("test", "s", 1))

        if isinstance(client, AsyncClient):
            asyncio.run(main())
        else:
            client.get(("test", "s", 1))
            client.aio.is_connected()

    for kind in (Client, AsyncClient):
        with warnings.catch_warnings(record=True) as seen:
            warnings.simplefilter("always")
            kind(node.config())  # not one that was never connected
            drop(kind(node.config()))
            gc.collect()
            gc.collect()
        ours = [
            w for w in seen if w.category is ResourceWarning and "without close" in str(w.message)
        ]
        assert len(ours) == 1 and kind.__name__ in str(ours[0].message)


# ---- time-outs ----


def test_time_out_of_a_batch_leaves_what_there_is(node: LocalNode) -> None:
    policy = {"total_timeout": 150, "max_retries": 0}
    with node.client(NO_TENDING) as client:
        node.freeze()
        try:
            with pytest.raises(exception.AerospikeTimeoutError) as caught:
                client.batch_read(KEYS, _dtype=DTYPE, policy=policy)
            assert caught.value.partial.mask["a"].all()
            for milliseconds in (
                150,
                1500,
                15_000,
            ):  # until it has been sent before its time is over
                policy["total_timeout"] = milliseconds
                with pytest.raises(exception.AerospikeTimeoutError) as caught:
                    client.batch_write_numpy(numbered.rows(3), "test", "w", policy=policy)
                if caught.value.in_doubt:
                    break
            assert caught.value.in_doubt and caught.value.partial.in_doubt.all()
        finally:
            node.thaw()


def test_every_blocking_method_lets_other_threads_run(node: LocalNode) -> None:
    """The node answers only after another thread has run a thousand times while the call is under way."""

    def let_it_end() -> None:
        until(lambda: unread(node), "a request")
        for _ in range(1000):
            time.sleep(0)  # lets the GIL go, and takes it
        node.thaw()

    key, rows, policy = ("test", "w", 1), numbered.rows(10), {"total_timeout": 60_000}
    with node.client(NO_TENDING) as client, ThreadPoolExecutor(1) as other:
        client.put(key, {"a": 1})
        for name, call in {
            "get": lambda: client.get(key, policy),
            "put": lambda: client.put(key, {"a": 1}, policy=policy),
            "exists": lambda: client.exists(key, policy),
            "remove": lambda: client.remove(key, policy=policy),
            "batch_read": lambda: numbered.read(client, N, policy=policy),
            "batch_write": lambda: client.batch_write([(key, {"a": 1})], policy),
            "batch_write_numpy": lambda: client.batch_write_numpy(rows, "test", "w", policy=policy),
            "batch_remove": lambda: client.batch_remove([key], policy),
            "info_all": lambda: client.info_all("build", policy),
            "truncate": lambda: client.truncate("test", "x", policy=policy),
            "stream": lambda: list(client.read_stream([key], DTYPE, policy=policy)),
            "connect": lambda: (
                Client({**node.config(), "connect_timeout": 60_000}).connect().close()
            ),
        }.items():
            node.freeze()
            thawing = other.submit(let_it_end)
            try:
                call()
            except exception.AerospikeTimeoutError as error:
                raise AssertionError(f"{name} held the others back") from error
            finally:
                thawing.result(60)
