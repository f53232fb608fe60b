"""Calls that are cancelled or run out of time, behind a network that fails: nothing is mixed up, nothing is lost.

AEROSPIKE_NP_CANCELS_SEED makes the same calls again; when they end is chance.
"""

from __future__ import annotations

import asyncio
import gc
import os
import random
import threading
import weakref
from collections import Counter
from collections.abc import Callable, Coroutine
from contextlib import aclosing
from typing import Any

import pytest
from fault_proxy import Direction, FaultProxies
from until import until

from aerospike_np import AsyncClient, exception
from aerospike_np.local import LocalCluster

pytest.importorskip("numpy")
from random_calls import (
    IN_DOUBT,
    OK,
    REFUSED,
    WRITTEN,
    Call,
    Calls,
    Ledger,
    Policy,
    bins_of,
    fill,
    value_of,
)

pytestmark = [
    pytest.mark.needs_embedded("nodes behind proxies that fail"),
    pytest.mark.only_sync("it drives both clients itself"),
]

LOOPS, TASKS, THREADS = 3, 8, 4
CONNECTIONS = 6  # fewer than there are calls: some are cancelled while they wait for one
LIMIT = 120.0
FACTORIES: list[Any] = [asyncio.SelectorEventLoop]
try:
    import uvloop
except ImportError:
    pass
else:
    FACTORIES.append(uvloop.new_event_loop)

Worker = Callable[["World", Any, random.Random], None]


# ---- faults ----


def some_fault(way: Direction, rng: random.Random) -> str:
    name = rng.choice(
        ["latency", "jitter", "bandwidth", "slice", "paused", "cut", "cut", "none", "none"]
    )
    if name == "latency" or name == "jitter":
        setattr(way, name, rng.uniform(0.001, 0.02))
    elif name == "bandwidth":
        way.bandwidth = rng.choice([1e5, 1e6, 1e7])
    elif name == "slice":
        way.slice = rng.choice([7, 100, 997])
    elif name == "paused":
        way.paused = True
    elif name == "cut":
        way.cut(rng.choice([0, 10, 100, 1000, 50_000]), rng.choice(["close", "reset", "silence"]))
    return name


class World:
    """How calls end and what goes wrong, until enough of them were cancelled or ran out of time."""

    def __init__(self, seed: int, enough: int) -> None:
        self.enough, self.rng = enough, random.Random(seed)
        self.ledger = Ledger()
        self.ends: Counter[str] = Counter()
        self.faults: Counter[str] = Counter()
        self.outs: list[weakref.ref[Any]] = []
        self.lock = threading.Lock()
        self.over = threading.Event()
        self.failures: list[BaseException] = []

    def counts(self, error: BaseException | None) -> None:
        kind = "ok" if error is None else "other errors"
        if isinstance(error, asyncio.CancelledError):
            kind = "cancelled"
        elif isinstance(error, (TimeoutError, exception.AerospikeTimeoutError)):
            kind = "out of time"
        with self.lock:
            self.ends[kind] += 1
            if self.ends["cancelled"] + self.ends["out of time"] >= self.enough:
                self.over.set()
            assert self.ends.total() < 50 * self.enough, f"few are cancelled: {self.ends}"

    def make_faults(self, proxies: FaultProxies, rng: random.Random) -> None:
        while not self.over.wait(rng.uniform(0, 0.03)):
            proxy = rng.choice(proxies.proxies)
            name = some_fault(rng.choice([proxy.up, proxy.down]), rng)
            self.faults[name] += 1
            if rng.random() < 0.1:
                proxy.reset()
            self.over.wait(rng.uniform(0.002, 0.03))
            proxy.heal()

    def policy(self, how: str, rng: random.Random) -> Policy:
        if how == "total_timeout":
            return {"total_timeout": rng.choice([1, 2, 5, 20]), "max_retries": rng.randrange(3)}
        if how == "socket_timeout":
            return {
                "total_timeout": 100,
                "socket_timeout": rng.randint(1, 10),
                "max_retries": rng.randrange(3),
            }
        return {"total_timeout": 2_000, "max_retries": rng.randrange(3)}

    def guarded(self, work: Callable[[random.Random], None]) -> threading.Thread:
        rng = random.Random(self.rng.randrange(2**32))

        def run() -> None:
            try:
                work(rng)
            except BaseException as error:
                self.failures.append(error)
                self.over.set()

        thread = threading.Thread(target=run, daemon=True)
        thread.start()
        return thread


# ---- asyncio ----


async def stream_to_its_end(call: Call, client: Any) -> None:
    assert call.parts is not None
    async with aclosing(call.start(client)) as results:
        async for part in results:
            call.parts.append(part)
            if len(call.parts) == call.stop_after:
                break


def begin(call: Call, client: Any) -> Coroutine[Any, Any, Any]:
    is_stream = call.parts is not None
    return stream_to_its_end(call, client) if is_stream else call.start(client)


HOW = [
    "cancel", "cancel", "turns", "timeout", "wait_for", "total_timeout", "socket_timeout", "not at all",
    "not at all",
]  # fmt: skip


async def interrupted(call: Call, client: Any, how: str, rng: random.Random) -> Any:
    moment = rng.choice([0, 0.001, 0.005, 0.02, 0.1]) * rng.random()
    if how == "timeout":
        async with asyncio.timeout(moment):
            return await begin(call, client)
    if how == "wait_for":
        return await asyncio.wait_for(begin(call, client), moment)
    task = asyncio.ensure_future(begin(call, client))
    if how == "cancel":
        await asyncio.sleep(moment)
    for _ in range(rng.randrange(4) if how == "turns" else 0):
        await asyncio.sleep(0)
    if how in ("cancel", "turns"):
        task.cancel()
        if rng.random() < 0.2:
            await asyncio.sleep(0)
            task.cancel()
    return await task


async def one_call(world: World, client: Any, calls: Calls, rng: random.Random) -> None:
    how = rng.choice(HOW)
    call = calls.next(world.policy(how, rng))
    result, failure = None, None
    try:
        result = await interrupted(call, client, how, rng)
    except (asyncio.CancelledError, TimeoutError, exception.AerospikeError) as error:
        failure = error
    world.counts(failure)
    call.ended(result, failure)


def event_loop(world: World, client: Any, rng: random.Random) -> None:
    async def task(calls: Calls, rng: random.Random) -> None:
        while not world.over.is_set():
            await one_call(world, client, calls, rng)

    async def main() -> None:
        rngs = [random.Random(rng.randrange(2**32)) for _ in range(TASKS)]
        await asyncio.gather(*(task(Calls(world.ledger, r, world.outs), r) for r in rngs))

    with asyncio.Runner(loop_factory=rng.choice(FACTORIES)) as runner:
        runner.run(asyncio.wait_for(main(), LIMIT))


# ---- threads ----


def one_sync_call(world: World, client: Any, calls: Calls, rng: random.Random) -> None:
    call = calls.next(world.policy(rng.choice(["total_timeout", "socket_timeout"]), rng))
    result, failure = None, None
    try:
        if call.parts is None:
            result = call.start(client)
        else:
            for part in call.start(client):
                call.parts.append(part)
                if len(call.parts) == call.stop_after:
                    break
    except exception.AerospikeError as error:
        failure = error
    world.counts(failure)
    call.ended(result, failure)


def thread(world: World, client: Any, rng: random.Random) -> None:
    calls = Calls(world.ledger, rng, world.outs)
    while not world.over.is_set():
        one_sync_call(world, client, calls, rng)


# ---- the promises ----


def is_well(client: AsyncClient) -> None:
    """Nothing is under way, no connection is lost, and a hundred calls at once are answered rightly."""
    until(lambda: all(n.conns.in_use == 0 for n in client.get_stats().nodes), "idle connections")
    until(lambda: len(client.get_nodes()) == 2, "both nodes")
    assert all(n.conns.in_pool <= CONNECTIONS for n in client.get_stats().nodes)

    async def clean() -> None:
        got = await asyncio.gather(*(client.get(("test", "r", i)) for i in range(100)))
        assert [record.bins for record in got] == [bins_of(i) for i in range(100)]

    asyncio.run(asyncio.wait_for(clean(), LIMIT))
    assert all(n.conns.in_use == 0 for n in client.get_stats().nodes)


def abuse(world: World, proxies: FaultProxies, worker: Worker, n: int, face: str) -> None:
    """Workers on one client, until enough calls ended early; then the client must be well."""
    config = {
        "max_conns_per_node": CONNECTIONS,
        "max_concurrent_operations": world.rng.choice([0, 12]),
        "tend_interval": 100,
        "max_error_rate": 0,  # each fault is an error: the circuit breaker would leave the nodes alone
    }
    client = AsyncClient({**proxies.config(), **config})
    asyncio.run(client.connect())
    user = client if face == "async" else client.sync
    faults = world.guarded(lambda rng: world.make_faults(proxies, rng))
    workers = [world.guarded(lambda rng: worker(world, user, rng)) for _ in range(n)]
    for each in [*workers, faults]:
        each.join(LIMIT)
        assert not each.is_alive(), "a call never ends"
    proxies.heal()
    if world.failures:
        raise world.failures[0]
    is_well(client)
    asyncio.run(client.close())


def play(world: World, seed: int, worker: Worker, n: int, face: str) -> None:
    with LocalCluster(nodes=2) as cluster, cluster.client() as beside:
        fill(beside)

        def connections() -> int:
            return sum(node.stats()["connections"] for node in cluster.nodes)

        before = connections()
        with FaultProxies([(node.host, node.port) for node in cluster.nodes], seed=seed) as proxies:
            abuse(world, proxies, worker, n, face)
        until(lambda: connections() <= before, "the end of what was under way")
        said = world.ledger.check(beside)
    assert said[OK] and said[REFUSED] and said[IN_DOUBT], said
    gc.collect()
    assert [ref for ref in world.outs if ref() is not None] == [], "an array is kept"


@pytest.mark.parametrize(
    ("face", "worker", "n", "enough"),
    [("async", event_loop, LOOPS, 2_000), ("sync", thread, THREADS, 400)],
    ids=["async", "sync"],
)
def test_calls_that_are_cancelled_or_out_of_time_mix_up_and_lose_nothing(
    face: str, worker: Worker, n: int, enough: int
) -> None:
    seed = int(os.environ.get("AEROSPIKE_NP_CANCELS_SEED") or random.randrange(2**32))
    world = World(seed, enough)
    try:
        play(world, seed, worker, n, face)
        assert world.ends["ok"] > enough / 10, "hardly any call ended well"
        assert world.ledger.in_partials > 100, "hardly anything came before the end"
    except BaseException as error:
        raise AssertionError(
            f"AEROSPIKE_NP_CANCELS_SEED={seed}: {error!r}; {dict(world.ends)}, {dict(world.faults)}"
        ) from error
    finally:
        print(
            f"seed {seed}: {dict(world.ends)}, {world.ledger.in_partials} rows in partials, {dict(world.faults)}"
        )


@pytest.mark.parametrize(
    ("break_it", "complaint"),
    [
        ("mix two rows up", "another's value"),
        ("lose an acknowledged write", "said 1"),
        ("apply a refused one", "said 2"),
        ("apply what nobody sent", "said 0"),
    ],
)
def test_the_check_itself_sees_a_broken_promise(break_it: str, complaint: str) -> None:
    """Against a client that keeps its promises the checks would never be seen to fail."""
    with LocalCluster(nodes=2) as cluster, cluster.client() as client:
        fill(client)
        ledger, rng = Ledger(), random.Random(0)
        calls = Calls(ledger, rng, [])
        for _ in range(30):
            call = calls.write_table({})
            call.ended(call.start(client), None)
        ledger.check(client)
        if break_it == "mix two rows up":
            client.put(("test", "r", 77), bins_of(78))
        elif break_it == "lose an acknowledged write":
            client.put(("test", "w", 4), {"v": value_of(4, 0)})
        elif break_it == "apply a refused one":
            ledger.said[4] = REFUSED
        else:
            client.remove(("test", "w", WRITTEN - 2))
        with pytest.raises(AssertionError, match=complaint):
            ledger.check(client)
            for _ in range(200):
                call = calls.table({})
                call.ended(call.start(client), None)
