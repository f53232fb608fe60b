"""The client behind a network that fails: calls end, rows have one status each, and the statuses are true."""

from __future__ import annotations

import os
import random
import socket
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
from fault_proxy import FaultProxy
from truth import (
    IDS,
    NO_TEND,
    ROWS,
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

import aerospike_np as aerospike
from aerospike_np import exception
from aerospike_np.helpers.operations import operations

pytestmark = pytest.mark.needs_embedded("an embedded node, behind a proxy that fails")

DEEP = os.environ.get("AEROSPIKE_NP_DEEP") == "1"  # also the long forms
TIMEOUT = 250  # ms, of a call
LATE = 20.0  # seconds beyond it: the bound of a test, not the promise
LIMIT = 20.0
# A node that does not answer costs a second; a machine that stalls for longer makes nobody fail to connect.
TEND = {"tend_interval": 50, "connect_timeout": 1000, "fail_if_not_connected": False}


@pytest.fixture(scope="module")
def truth() -> Iterator[Truth]:
    with the_truth() as truth:
        yield truth


# ---- each kind of fault, each way, each operation ----

Fault = Callable[[FaultProxy, Any], None]
FAULTS: dict[str, Fault] = {
    "latency": lambda proxy, way: setattr(way, "latency", 0.02),
    "jitter": lambda proxy, way: setattr(way, "jitter", 0.02),
    "latency beyond the timeout": lambda proxy, way: setattr(way, "latency", 60.0),
    "bandwidth of 40 MB/s": lambda proxy, way: setattr(way, "bandwidth", 40e6),
    "bandwidth of 200 bytes/s": lambda proxy, way: setattr(way, "bandwidth", 200),
    "slices": lambda proxy, way: setattr(way, "slice", 997),
    "slow close": lambda proxy, way: setattr(way, "close_delay", 60.0),
    "slow close after a cut": lambda proxy, way: (
        setattr(way, "close_delay", 60.0),
        way.cut(30, "close"),
    ),
    "pause": lambda proxy, way: setattr(way, "paused", True),
    "half-open": lambda proxy, way: proxy.half_open(way.name),
    "refused, connections stay": lambda proxy, way: proxy.refuse(),
    "refused and reset": lambda proxy, way: (proxy.refuse(), proxy.reset()),
    "reset of idle connections": lambda proxy, way: proxy.reset(),
    "reset after 10 bytes": lambda proxy, way: way.cut(10, "reset"),
    "reset after 100,000 bytes": lambda proxy, way: way.cut(100_000, "reset"),
    "closed at once": lambda proxy, way: way.cut(0, "close"),
    "closed after 100,000 bytes": lambda proxy, way: way.cut(100_000, "close"),
    "silent after 10 bytes": lambda proxy, way: way.cut(10, "silence"),
    "silent after 100,000 bytes": lambda proxy, way: way.cut(100_000, "silence"),
}
HARMLESS = {
    "latency", "jitter", "bandwidth of 40 MB/s", "slices", "slow close", "refused, connections stay",
    "reset of idle connections",
}  # fmt: skip
SMALL_PASSES = {
    "reset after 100,000 bytes",
    "closed after 100,000 bytes",
    "silent after 100,000 bytes",
}
NOTHING_SENT = {"refused and reset"}


def check_get(client: Any, truth: Truth, policy: Any) -> bool:
    i = random.Random(truth.version).randrange(ROWS)
    expected = int(truth.values([i])[0])
    try:
        assert client.get(key_of(i), policy).bins == {"a": expected}
    except exception.AerospikeError as error:
        assert not error.in_doubt and error.code != 2, error
        return False
    return True


def check_put(client: Any, truth: Truth, policy: Any) -> Callable[[], tuple[int, int, int]]:
    version = truth.next_version()
    i = random.Random(version).randrange(ROWS)
    before, after = int(truth.values([i])[0]), int(value_of(i, version))
    try:
        client.put(key_of(i), {"a": after}, policy=policy)
        said = "ok"
    except exception.AerospikeError as error:
        said = "in doubt" if error.in_doubt else "refused"

    def verify() -> tuple[int, int, int]:
        held = int(truth.values([i])[0])
        allowed = {"ok": {after}, "refused": {before}, "in doubt": {before, after}}[said]
        assert held in allowed, (said, i, held, before, after)
        return int(said == "ok"), int(said == "refused"), int(said == "in doubt")

    return verify


def check_batch_read(client: Any, truth: Truth, policy: Any) -> bool:
    expected = truth.values()
    result, error = outcome(
        lambda: client.batch_read(
            IDS, _dtype=[("a", "i8")], policy=policy, namespace="test", set_name=SET
        )
    )
    assert result is not None, error
    ok = result.result_codes == 0
    assert len(ok) == ROWS and (result.batch_records["a"][ok] == expected[ok]).all()
    assert (result.mask["a"] == ~ok).all() and not result.batch_records["a"][~ok].any()
    assert not (result.result_codes == 2).any()
    assert ok.all() == (error is None), error
    return bool(ok.all())


def check_batch_write(client: Any, truth: Truth, policy: Any) -> Callable[[], tuple[int, int, int]]:
    version = truth.next_version()
    before, data = truth.values(), table(version)
    result, error = outcome(lambda: client.batch_write_numpy(data, "test", SET, policy=policy))
    assert result is not None, error
    ok, in_doubt = result.result_codes == 0, result.in_doubt
    refused = ~ok & ~in_doubt
    assert len(ok) == ROWS and not (ok & in_doubt).any()

    def verify() -> tuple[int, int, int]:
        held = truth.values()
        assert (held[ok] == data["a"][ok]).all(), "a write that was acknowledged is lost"
        assert (held[refused] == before[refused]).all(), "a write that was refused is applied"
        assert ((held == before) | (held == data["a"])).all()
        return int(ok.sum()), int(refused.sum()), int(in_doubt.sum())

    return verify


def check_batch_operate(
    client: Any, truth: Truth, policy: Any
) -> Callable[[], tuple[int, int, int]]:
    """Adds the same to each record, and reads it back: a row that ran twice can be told."""
    by, before = truth.next_version(), truth.values()
    ops = [operations.increment("a", by), operations.read("a")]
    where: Any = {"namespace": "test", "set_name": SET}
    result, error = outcome(
        lambda: client.batch_operate(IDS, ops, policy, _dtype=[("a", "i8")], **where)
    )
    assert result is not None, error
    ok, in_doubt = result.result_codes == 0, result.in_doubt
    refused = ~ok & ~in_doubt
    assert len(ok) == ROWS and not (ok & in_doubt).any()
    assert (result["a"][ok] == before[ok] + by).all() and (result.mask["a"] == ~ok).all()

    def verify() -> tuple[int, int, int]:
        held = truth.values()
        assert (held[ok] == before[ok] + by).all(), "what was acknowledged is lost, or ran twice"
        assert (held[refused] == before[refused]).all(), "what was refused ran"
        assert ((held == before) | (held == before + by)).all(), "a row ran twice"
        return int(ok.sum()), int(refused.sum()), int(in_doubt.sum())

    return verify


CHECKS: dict[str, Any] = {
    "get": check_get,
    "put": check_put,
    "batch_read": check_batch_read,
    "batch_write_numpy": check_batch_write,
    "batch_operate": check_batch_operate,
}
WRITES = ("put", "batch_write_numpy", "batch_operate")


@pytest.mark.parametrize("operation", CHECKS)
@pytest.mark.parametrize("way", ["up", "down"])
@pytest.mark.parametrize("fault", FAULTS)
def test_call_ends_with_true_statuses_and_the_client_works_after_the_heal(
    truth: Truth, fault: str, way: str, operation: str
) -> None:
    check = CHECKS[operation]
    passes = fault in HARMLESS or (fault in SMALL_PASSES and operation in ("get", "put"))
    policy = {"total_timeout": 10_000 if passes else TIMEOUT}
    with behind_proxy(truth, TEND) as (proxy, client):
        check(client, truth, {"total_timeout": 10_000})  # there are idle connections
        FAULTS[fault](proxy, getattr(proxy, way))
        start = time.monotonic()
        done = check(client, truth, policy)
        assert time.monotonic() - start < policy["total_timeout"] / 1000 + LATE
        proxy.heal()
        until(lambda: works(client), "a client that works after the heal")
    if operation not in WRITES:
        assert done or not passes
        return
    ok, refused, in_doubt = done()
    if passes:
        assert refused == in_doubt == 0
    if fault in NOTHING_SENT:
        assert ok == in_doubt == 0


def works(client: Any) -> bool:
    """Does everything pass again? A call or two may find connections that are gone."""
    policy = {"total_timeout": 1000}
    where: Any = {"namespace": "test", "set_name": SET}
    try:
        client.get(key_of(1), policy)
        client.put(("test", SET, "healed"), {"a": 1}, policy=policy)
        client.batch_read(IDS[:100], _dtype=[("a", "i8")], policy=policy, **where)
    except exception.AerospikeError:
        return False
    return True


@pytest.mark.parametrize("operation", CHECKS)
def test_storm_of_resets_costs_no_truth(truth: Truth, operation: str) -> None:
    """Connections die at any moment, in the middle of calls too; half of the calls may retry."""
    seed = 20261121
    print(f"seed {seed}")
    chance = random.Random(seed)
    calls = {"get": 300, "put": 100}.get(operation, 60 if DEEP else 15)
    with behind_proxy(truth, {"tend_interval": 50}) as (proxy, client):
        stop = threading.Event()

        def storm() -> None:
            while not stop.wait(chance.random() * 0.01):
                proxy.reset()

        thread = threading.Thread(target=storm)
        thread.start()
        try:
            for i in range(calls):
                if operation not in WRITES:
                    CHECKS[operation](
                        client, truth, {"total_timeout": 5000, "max_retries": 3 * (i % 2)}
                    )
                    continue
                verify = CHECKS[operation](client, truth, {"total_timeout": 5000})
                # What is in doubt may come late, but not after its connection is gone.
                proxy.reset()
                truth.settle()
                verify()
        finally:
            stop.set()
            thread.join()


# ---- bytes that are wrong: no promise about the rows they touch, but about all others ----


@pytest.mark.parametrize("fault", ["corrupt", "duplicate"])
@pytest.mark.parametrize("way", ["up", "down"])
def test_wrong_bytes_cost_only_the_rows_they_touch(truth: Truth, way: str, fault: str) -> None:
    seed = 20261122
    print(f"seed {seed}")
    chance = random.Random(seed)
    expected = truth.values()
    for trial in range(200 if DEEP else 24):
        at = chance.randrange(8) if trial % 4 == 0 else chance.randrange(300_000)
        with behind_proxy(truth, NO_TEND) as (proxy, client):
            if fault == "corrupt":
                getattr(proxy, way).corrupt(at, chance.randrange(1, 256))
            else:
                getattr(proxy, way).duplicate(at, at + chance.randrange(1, 100))
            result, error = outcome(
                lambda client=client: client.batch_read(
                    IDS,
                    _dtype=[("a", "i8")],
                    errors="mask",
                    policy={"total_timeout": TIMEOUT, "max_retries": 0},
                    namespace="test",
                    set_name=SET,
                )
            )
            assert result is not None, error
            ok = (result.result_codes == 0) & ~result.mask["a"]
            wrong = np.flatnonzero(result.batch_records["a"][ok] != expected[ok])
            assert len(wrong) <= 2, (trial, at, wrong)
            proxy.heal()
            until(lambda client=client: works(client), "a client that works after the heal")


# ---- replies that come late never answer another question ----


def test_timeouts_never_leave_a_connection_with_somebody_elses_reply(truth: Truth) -> None:
    seed = int(os.environ.get("AEROSPIKE_NP_SEED", "20261123"))
    calls = 200_000 if DEEP else 2_000
    print(f"seed {seed}")
    expected = truth.values()
    late = [0] * 4
    wrong: list[Any] = []

    def work(number: int, client: Any) -> None:
        chance = random.Random(f"{seed} {number}")
        usual = 6.0  # ms: becomes what is too little for about half of the calls, however fast the machine is
        for _ in range(calls // len(late)):
            usual = max(1.0, usual / 1.02)
            policy = {
                "total_timeout": chance.randint(1, int(usual) + 1),
                "max_retries": chance.randint(0, 1),
            }
            ids = [chance.randrange(ROWS) for _ in range(chance.choice([1, 1, 3, 40]))]
            try:
                if len(ids) == 1:
                    got = [client.get(key_of(ids[0]), policy).bins["a"]]
                else:
                    got = client.batch_read(
                        [key_of(i) for i in ids], _dtype=[("a", "i8")], policy=policy
                    ).batch_records["a"]
            except exception.AerospikeError as error:
                late[number] += 1
                usual *= 1.04
                partial = error.partial
                if partial is None:
                    continue
                ok = partial.result_codes == 0
                got = np.where(ok, partial.batch_records["a"], expected[ids])
            if list(got) != expected[ids].tolist():
                wrong.append((number, ids, list(got)))

    with behind_proxy(truth, NO_TEND, seed) as (proxy, client):
        proxy.up.jitter = proxy.down.jitter = 0.004
        threads = [threading.Thread(target=work, args=(i, client)) for i in range(len(late))]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert not wrong, wrong[:3]
    assert calls / 10 < sum(late) < calls * 9 / 10, "the delays are of no use to this test"


# ---- nobody there ----


def test_node_that_is_gone_is_an_error_and_the_client_finds_it_when_it_is_back(
    truth: Truth,
) -> None:
    with behind_proxy(truth, {"tend_interval": 50}) as (proxy, client):
        proxy.refuse()
        proxy.reset()
        until(lambda: not client.is_connected(), "a client that knows that nobody is there")
        start = time.monotonic()
        with pytest.raises(exception.AerospikeError):
            client.get(key_of(1), {"total_timeout": TIMEOUT})
        assert time.monotonic() - start < TIMEOUT / 1000 + LATE
        proxy.heal()
        until(client.is_connected, "the client to come back")
        assert client.get(key_of(1)).bins


def test_half_open_seed_is_an_error_within_the_connect_timeout(truth: Truth) -> None:
    with FaultProxy(truth.node.host, truth.node.port) as proxy:
        proxy.half_open()
        client = aerospike.client({**proxy.config(), "connect_timeout": 200})
        start = time.monotonic()
        with pytest.raises(exception.AerospikeError, match="127.0.0.1"):
            client.connect()
        assert time.monotonic() - start < LATE
        client.close()
        with socket.create_connection(proxy.address, LIMIT):
            until(lambda: proxy.connections > 1)  # it takes them, and never answers
