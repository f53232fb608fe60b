"""The client behind a network that fails: calls end, rows have one status each, and the statuses are true.

Values are made from their keys and a version, so that a wrong row shows. What a write did is asked of the node
itself, past the proxy, once everything that was under way has come or gone.
"""

from __future__ import annotations

import gc
import os
import random
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from fault_proxy import FaultProxy
from until import until

import aerospike_np as aerospike
from aerospike_np import exception
from aerospike_np.helpers.operations import operations
from aerospike_np.local import LocalNode

np = pytest.importorskip("numpy")

pytestmark = pytest.mark.needs_embedded("an embedded node, behind a proxy that fails")

DEEP = os.environ.get("AEROSPIKE_NP_DEEP") == "1"  # also the long forms
SET = "faults"
ROWS = 20_000
TIMEOUT = 250  # ms, of a call
LATE = 20.0  # seconds beyond it: the bound of a test, not the promise
LIMIT = 20.0
# A node that does not answer costs a second; a machine that stalls for longer makes nobody fail to connect.
TEND = {"tend_interval": 50, "connect_timeout": 1000, "fail_if_not_connected": False}
# each fault is an error: the circuit breaker would leave the node alone
NO_TEND = {"tend_interval": 600_000, "max_error_rate": 0}
IDS = np.arange(ROWS)


def value_of(ids: Any, version: int) -> Any:
    return np.asarray(ids) * 1_000_003 + version


def key_of(i: int) -> tuple[str, str, int]:
    return ("test", SET, i)


def table(version: int, ids: Any = IDS) -> Any:
    data = np.zeros(len(ids), [("_key", "i8"), ("a", "i8")])
    data["_key"], data["a"] = ids, value_of(ids, version)
    return data


def descriptors() -> list[str]:
    """What each open descriptor is: "socket:[123]", ..."""
    kinds = []
    for number in os.listdir("/proc/self/fd"):
        try:
            kinds.append(os.readlink(f"/proc/self/fd/{number}"))
        except OSError:
            pass  # the listing's own
    return kinds


def sockets() -> int:
    return sum(kind.startswith("socket:") for kind in descriptors())


class Truth:
    """The node itself, and a client past all proxies."""

    def __init__(self) -> None:
        self.node = LocalNode()
        self.client = self.node.client(NO_TEND).connect()
        self.client.batch_write_numpy(table(0), "test", SET).raise_for_status()
        self.values()
        self.version = 0
        self.connections = self.node.stats()["connections"]

    def next_version(self) -> int:
        self.version += 1
        return self.version

    def values(self, ids: Any = IDS) -> Any:
        got = self.client.batch_read(ids, _dtype=[("a", "i8")], namespace="test", set_name=SET)
        assert not got.mask["a"].any()
        return got.batch_records["a"].copy()

    def settle(self) -> None:
        """Waits until the node has nothing left of what came through proxies."""
        until(
            lambda: self.node.stats()["connections"] <= self.connections, "all connections to end"
        )

    def stop(self) -> None:
        self.client.close()
        del self.client  # its I/O threads are there as long as it is
        self.node.stop()


@pytest.fixture(scope="module")
def truth() -> Iterator[Truth]:
    before = len(descriptors())
    truth = Truth()
    yield truth
    truth.stop()

    def are_closed() -> bool:
        gc.collect()  # errors hold what they are about, and are part of cycles
        return len(descriptors()) <= before

    until(are_closed, "all descriptors to be closed")


@contextmanager
def behind_proxy(truth: Truth, config: dict[str, Any], seed: int = 0) -> Iterator[tuple[Any, Any]]:
    """A proxy and a client behind it; when both are closed, nothing of them is left."""
    before = sockets()
    with FaultProxy(truth.node.host, truth.node.port, seed=seed) as proxy:
        with aerospike.client({**proxy.config(), **config}) as client:
            yield proxy, client
    truth.settle()
    until(lambda: sockets() <= before, "all sockets to be closed")


def outcome(call: Callable[[], Any]) -> tuple[Any, Exception | None]:
    """A batch's result, whether it raised or not, and what it raised."""
    try:
        return call(), None
    except exception.AerospikeError as error:
        return error.partial, error


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
OPERATIONS = ["get", "put", "batch_read", "batch_write_numpy", "batch_operate"]


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


@pytest.mark.parametrize("operation", OPERATIONS)
@pytest.mark.parametrize("way", ["up", "down"])
@pytest.mark.parametrize("fault", FAULTS)
def test_call_ends_with_true_statuses_and_the_client_works_after_the_heal(
    truth: Truth, fault: str, way: str, operation: str
) -> None:
    check: Any = {
        "get": check_get,
        "put": check_put,
        "batch_read": check_batch_read,
        "batch_write_numpy": check_batch_write,
        "batch_operate": check_batch_operate,
    }[operation]
    writes = operation in ("put", "batch_write_numpy", "batch_operate")
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
    if not writes:
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


@pytest.mark.parametrize("operation", OPERATIONS)
def test_storm_of_resets_costs_no_truth(truth: Truth, operation: str) -> None:
    """Connections die at any moment, in the middle of calls too; half of the calls may retry."""
    seed = 20261121
    print(f"seed {seed}")
    chance = random.Random(seed)
    calls = {"get": 300, "put": 300}.get(operation, 60 if DEEP else 15)
    with behind_proxy(truth, {"tend_interval": 50}) as (proxy, client):
        stop = threading.Event()

        def storm() -> None:
            while not stop.wait(chance.random() * 0.01):
                proxy.reset()

        thread = threading.Thread(target=storm)
        thread.start()
        try:
            verifiers = []
            for i in range(calls):
                policy = {"total_timeout": 5000, "max_retries": 3 * (i % 2)}
                if operation == "get":
                    check_get(client, truth, policy)
                elif operation == "batch_read":
                    check_batch_read(client, truth, policy)
                elif operation == "put":
                    verifiers.append(check_put(client, truth, {"total_timeout": 5000}))
                else:
                    check = check_batch_write if "numpy" in operation else check_batch_operate
                    verifiers.append(check(client, truth, {"total_timeout": 5000}))
                    # What is in doubt may come late, but not after its connection is gone.
                    proxy.reset()
                    truth.settle()
                    verifiers.pop()()
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


# ---- cut at every byte ----

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
