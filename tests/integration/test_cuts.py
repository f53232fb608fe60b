"""Calls that a network cuts at every byte: what had come is told, and what a write did."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
from fault_proxy import FaultProxy
from truth import (
    NO_TEND,
    SET,
    Truth,
    behind_proxy,
    key_of,
    outcome,
    table,
    the_truth,
    value_of,
)
from until import until

from aerospike_np import exception

pytestmark = pytest.mark.needs_embedded("an embedded node, behind a proxy that fails")

DEEP = os.environ.get("AEROSPIKE_NP_DEEP") == "1"  # also the long forms


@pytest.fixture(scope="module")
def truth() -> Iterator[Truth]:
    with the_truth() as truth:
        yield truth


FEW = {"total_timeout": 20_000, "max_retries": 0}


def measure(proxy: FaultProxy, way: str, call: Callable[[], Any]) -> int:
    """How many bytes a call takes this way, over a connection that is there already."""
    call()
    sizes = []
    for _ in range(2):
        before = settled(proxy, way)
        call()
        sizes.append(settled(proxy, way) - before)
    assert sizes[0] == sizes[1] > 0
    return sizes[0]


def settled(proxy: FaultProxy, way: str) -> int:
    proxy.open  # noqa: B018  the proxy's thread has counted what it sent
    return getattr(proxy, way).bytes


@pytest.mark.parametrize("then", ["close", "reset", "silence"])
def test_batch_reply_cut_at_every_byte_gives_the_rows_that_came_whole(
    truth: Truth, then: str
) -> None:
    ids = [3, 1, 2]
    expected = truth.values(ids)

    def read(policy: Any) -> Any:
        return client.batch_read(
            [key_of(i) for i in ids], ["a"], _dtype=[("a", "i8")], policy=policy
        )

    def rows_of_a_reply_cut(at: int, milliseconds: int) -> int:
        proxy.down.cut(at, then)
        result, error = outcome(lambda: read({**FEW, "total_timeout": milliseconds}))
        ok = result.result_codes == 0
        assert (result.batch_records["a"] == np.where(ok, expected, 0)).all(), at
        assert (result.mask["a"] == ~ok).all(), at
        assert ok.all() == (error is None) or at < size, (at, error)
        proxy.heal()
        return int(ok.sum())

    with behind_proxy(truth, NO_TEND) as (proxy, client):
        size = measure(proxy, "down", lambda: read(FEW))
        came = [0]
        for at in range(0, size + 1, 1 if DEEP or then != "silence" else 4):
            count = rows_of_a_reply_cut(at, 20 if then == "silence" else 20_000)
            if count < came[-1]:  # on a busy machine the time may be over before the bytes came
                count = rows_of_a_reply_cut(at, 5_000)
            came.append(count)
        assert came == sorted(came) and came[0] == 0 and came[-1] == len(ids)
        assert set(came) == {0, 1, 2, 3}


@pytest.mark.parametrize("then", ["close", "reset"])
def test_single_reply_cut_at_every_byte_is_an_error(truth: Truth, then: str) -> None:
    expected = {"a": int(truth.values([5])[0])}
    with behind_proxy(truth, NO_TEND) as (proxy, client):
        size = measure(proxy, "down", lambda: client.get(key_of(5), FEW))
        for at in range(size):
            proxy.down.cut(at, then)
            with pytest.raises(exception.AerospikeError) as caught:
                client.get(key_of(5), FEW)
            assert not caught.value.in_doubt and caught.value.code < 0, (at, caught.value)
            proxy.heal()
        proxy.down.cut(size, then)
        assert client.get(key_of(5), FEW).bins == expected


@pytest.mark.parametrize("then", ["close", "reset"])
def test_acknowledgement_cut_at_every_byte_leaves_the_write_in_doubt(
    truth: Truth, then: str
) -> None:
    with behind_proxy(truth, NO_TEND) as (proxy, client):

        def put(version: int) -> None:
            client.put(key_of(7), {"a": int(value_of(7, version))}, policy=FEW)

        size = measure(proxy, "down", lambda: put(truth.next_version()))
        for at in range(size):
            proxy.down.cut(at, then)
            version = truth.next_version()
            with pytest.raises(exception.AerospikeError) as caught:
                put(version)
            assert caught.value.in_doubt, (at, caught.value)
            # The node had answered: it was applied.
            assert truth.values([7])[0] == value_of(7, version)
            proxy.heal()
        proxy.down.cut(size, then)
        put(truth.next_version())


@pytest.mark.parametrize("then", ["close", "reset"])
def test_put_cut_at_every_byte_is_in_doubt_and_applied_only_when_whole(
    truth: Truth, then: str
) -> None:
    """The doubt begins when the kernel has taken the last byte: what became of it, the client can't see."""
    with behind_proxy(truth, NO_TEND) as (proxy, client):

        def put(name: str, value: int) -> None:
            client.put(("test", SET, name), {"a": value}, policy=FEW)

        size = measure(proxy, "up", lambda: put(f"{then} ....", -1))
        for at in range(size + 1):
            proxy.up.cut(at, then)
            with pytest.raises(exception.AerospikeError) as caught:
                put(f"{then} {at:04}", at)
            assert caught.value.in_doubt, (at, caught.value)
            proxy.heal()
    last = ("test", SET, f"{then} {size:04}")
    if then == "close":  # after a reset the node need not look at what it got
        until(lambda: truth.client.exists(last).meta is not None, "the node to have taken it")
        assert truth.client.get(last).bins == {"a": size}
    for at in range(size):
        assert truth.client.exists(("test", SET, f"{then} {at:04}")).meta is None, at


@pytest.mark.parametrize("then", ["close", "reset"])
def test_batch_write_cut_at_every_byte_is_in_doubt_and_applied_only_when_whole(
    truth: Truth, then: str
) -> None:
    base = 10_000_000 if then == "close" else 20_000_000

    def ids(at: int) -> Any:
        return base + at * 3 + np.arange(3)

    with behind_proxy(truth, NO_TEND) as (proxy, client):

        def write(at: int) -> Any:
            return client.batch_write_numpy(table(at, ids(at)), "test", SET, policy=FEW)

        size = measure(proxy, "up", lambda: write(100_000))
        for at in range(size + 1):
            proxy.up.cut(at, then)
            result, error = outcome(lambda at=at: write(at))
            assert error is not None and (result.result_codes != 0).all(), at
            assert result.in_doubt.all() and (result.attempts == 1).all(), (at, error)
            proxy.heal()
    everything = np.concatenate([ids(at) for at in range(size + 1)])

    def read() -> Any:
        return truth.client.batch_read(
            everything, _dtype=[("a", "i8")], namespace="test", set_name=SET
        )

    if then == "close":
        until(lambda: (read().result_codes[-3:] == 0).all(), "the node to have taken the last")
    found = read()
    assert (found.result_codes[:-3] == 2).all()
    if then == "close":
        assert (found.batch_records["a"][-3:] == value_of(ids(size), size)).all()
