"""Nodes killed, frozen, thawed, restarted, added, partitions moved in the middle of batches of 100,000 rows.

A run is made from its seed: the nodes, the policies, the calls and the faults. Threads write, read and count,
and note what each call promised; another one makes the faults. Then all nodes are there again, and a new client
reads what is there. `make test` makes 200 runs, `make soak` 1000 with new seeds; AEROSPIKE_NP_SOAK_RUNS and
AEROSPIKE_NP_SOAK_SEED (the first seed) say otherwise.
"""

from __future__ import annotations

import faulthandler
import os
import random
import tempfile
import threading
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from until import until

import aerospike_np
from aerospike_np import exception
from aerospike_np.local import LocalCluster

pytestmark = pytest.mark.needs_embedded("a cluster that can be made to fail")

RUNS = int(os.environ.get("AEROSPIKE_NP_SOAK_RUNS", "40"))
FIRST = int(os.environ.get("AEROSPIKE_NP_SOAK_SEED", "0"))
ROWS, FEW, COUNTERS = 100_000, 500, 4
MAX_NODES = 5
CALL_ENDS = 120.0  # seconds after which a call counts as one that never ends
BEYOND = 20.0  # seconds beyond its deadline that a call may take on a busy machine
DTYPE = np.dtype([("v", "i8"), ("w", "i8")])
# Codes that a row or a call may have when nodes come and go: ok, not found, timeout, partition unavailable; no
# connection free, no node for the partition, connection broken, retries used up, node left alone, no reply.
EXPECTED = (0, 2, 9, 11, -7, -8, -10, -12, -14, -15)
LARGE = {
    "total_timeout": 30_000,
    "socket_timeout": 2_000,
    "max_retries": 20,
    "sleep_between_retries": 20,
}


def witness(rows: Any, versions: Any) -> Any:
    """What the second bin must hold beside a version: a value that no other row or version has."""
    return (rows * 1_000_003 + versions) ^ 0x5DEECE66D


class Ledger:
    """What may be in each row, going by what its writer was told. One thread writes; any may read.

    A row holds its last acknowledged version, or one that is in doubt: that one may also be applied late, when a
    frozen node goes on. Version 0 stands for no record.
    """

    def __init__(self, first: int, n: int) -> None:
        self.keys = np.arange(first, first + n)
        self.acked = np.zeros(n, np.int64)
        self.doubt = np.zeros(n, np.uint64)  # bit v: version v is in doubt
        self.refused = np.zeros(n, np.uint64)
        self.seen = np.zeros(n, np.uint64)
        self.least = np.zeros(n, np.int64)  # how often the row was written for certain, and at most
        self.most = np.zeros(n, np.int64)
        self.started = self.finished = 0
        self.lock = threading.Lock()

    def begin(self) -> int:
        with self.lock:
            self.started += 1
        assert self.started < 64, "a run has at most 63 versions"
        return self.started

    def wrote(self, version: int, result: Any) -> None:
        n = len(self.keys)
        codes, in_doubt, attempts = result.result_codes, result.in_doubt, result.attempts
        assert len(result) == n and {codes.shape, in_doubt.shape, attempts.shape} == {(n,)}
        assert result.gen.shape == (n,)
        unknown = np.setdiff1d(codes, EXPECTED)
        assert not len(unknown), f"result codes of a write: {unknown.tolist()}"
        ok = codes == 0
        assert not (codes == 2).any(), "a write that creates was told there is no such record"
        assert (attempts[ok | in_doubt] > 0).all(), "an answer for a row that was never sent"
        assert (result.gen[ok] > 0).all()
        bit = np.uint64(1 << version)
        with self.lock:
            self.acked[ok] = version
            self.doubt[in_doubt] |= bit
            self.refused[~ok & ~in_doubt] |= bit
            self.least[ok] += 1
            # acknowledged at a second attempt, and in doubt: the first may have been applied, or yet will be
            self.most += np.where(in_doubt, attempts, ok)
            self.finished = version

    def before(self) -> tuple[Any, Any, int]:
        """What a read that begins now must be held to."""
        with self.lock:
            return self.acked.copy(), self.doubt.copy(), self.finished

    def read(self, result: Any, before: tuple[Any, Any, int], complete: bool = False) -> None:
        acked, doubt, finished = before
        with self.lock:
            started = self.started
        n = len(self.keys)
        codes, rows, meta = result.result_codes, result.batch_records, result.meta
        assert {codes.shape, rows.shape, meta.shape, result.ok.shape} == {(n,)}
        expected = (0, 2) if complete else EXPECTED
        unknown = np.setdiff1d(codes, expected)
        assert not len(unknown), f"result codes of a read: {unknown.tolist()}"
        found = codes == 0
        assert result.ok.tobytes() == found.tobytes(), "a field of a row was refused"
        assert not result.mask["v"][found].any() and not result.mask["w"][found].any()
        answered = found | (codes == 2)
        version = np.where(found, rows["v"], 0)
        self.none(found & (rows["w"] != witness(self.keys, version)), rows, "are no row's value")
        self.none(found & ((version <= 0) | (version > started)), rows, "were never written")
        bit = np.uint64(1) << version.astype(np.uint64)
        right = (version == acked) | ((doubt & bit) != 0) | (version > finished)
        self.none(
            answered & ~right, rows, "are neither the last acknowledged one nor in doubt", before
        )
        with self.lock:
            self.seen |= np.where(found, bit, np.uint64(0))

    def none(self, wrong: Any, rows: Any, what: str, before: Any = None) -> None:
        if wrong.any():
            i = int(np.flatnonzero(wrong)[0])
            held = self.before() if before is None else before
            doubts = [v for v in range(64) if int(held[1][i]) >> v & 1]
            refused = [v for v in range(64) if int(self.refused[i]) >> v & 1]
            raise AssertionError(
                f"{int(wrong.sum())} rows read {what}; the first is key {self.keys[i]}, which has {rows[i]}: "
                f"acknowledged {held[0][i]}, in doubt {doubts}, refused {refused}, finished {held[2]}"
            )

    def at_the_end(self, result: Any) -> None:
        self.read(result, self.before(), complete=True)
        applied = np.where(result.result_codes == 0, result.meta["gen"].astype(np.int64), 0)
        wrong = (applied < self.least) | (applied > self.most)
        self.none(
            wrong, result.meta, "were not applied as often as they were acknowledged or in doubt"
        )
        both = self.seen & self.refused
        self.none(both != 0, result.batch_records, "were seen in a refused version")


class Counter:
    def __init__(self) -> None:
        self.acked = self.doubt = self.refused = 0


class Run:
    def __init__(self, seed: int) -> None:
        self.seed = seed
        self.random = random.Random(seed)
        self.faults: list[str] = []
        self.failure: BaseException | None = None
        self.done = threading.Event()
        self.started = time.monotonic()
        self.nodes = self.random.randint(3, 4)
        self.config = {"tend_interval": self.random.choice((50, 100, 250))}
        self.reading = self.policy(self.random.choice((0, 1, 2, 5)))
        self.writing = self.policy(self.random.choice((0, 0, 1, 5)))
        self.counting = {**self.writing, "max_retries": 0}  # a second attempt would count twice
        self.pace = self.random.choice((0.002, 0.01, 0.03))
        self.rows, self.few = Ledger(0, ROWS), Ledger(ROWS, FEW)
        self.counters = [Counter() for _ in range(COUNTERS)]
        self.slowest = 0.0

    def policy(self, retries: int) -> dict[str, int]:
        choice = self.random.choice
        return {
            "total_timeout": choice((150, 400, 1000)),
            "socket_timeout": choice((20, 50, 100)),
            "max_retries": retries,
            "sleep_between_retries": choice((0, 0, 5)),
            "replica": choice(
                (
                    aerospike_np.POLICY_REPLICA_MASTER,
                    aerospike_np.POLICY_REPLICA_ANY,
                    aerospike_np.POLICY_REPLICA_SEQUENCE,
                )
            ),
        }

    # ---- calls ----

    def call(self, policy: dict[str, int], call: Callable[[], Any]) -> Any:
        """What the call returned, or what had come until it raised."""
        started = time.monotonic()
        try:
            result = call()
        except exception.AerospikeError as error:
            assert error.code in EXPECTED, f"{type(error).__name__}: {error}"
            assert error.partial is not None, f"a batch raised without what it had: {error!r}"
            result = error.partial
        took = time.monotonic() - started
        self.slowest = max(self.slowest, took)
        assert took < policy["total_timeout"] / 1000 + BEYOND, f"a call took {took:.1f} s: {policy}"
        return result

    def write(self, client: Any) -> None:
        ledger = self.rows
        version = ledger.begin()
        data = np.empty(ROWS, [("_key", "i8"), ("v", "i8"), ("w", "i8")])
        data["_key"], data["v"] = ledger.keys, version
        data["w"] = witness(ledger.keys, version)
        ledger.wrote(
            version,
            self.call(
                self.writing,
                lambda: client.batch_write_numpy(data, "test", "soak", policy=self.writing),
            ),
        )

    def read(self, client: Any, ledger: Ledger, as_records: bool = False) -> None:
        keys = aerospike_np.Keys("test", "soak", ledger.keys)
        before = ledger.before()
        if as_records:
            got = self.call(self.reading, lambda: client.batch_read(keys, None, self.reading))
            assert len(got.result_codes) == len(got.batch_records) == len(ledger.keys)
            ledger.read(got.to_numpy(DTYPE), before)
        else:
            got = self.call(
                self.reading, lambda: client.batch_read(keys, None, self.reading, _dtype=DTYPE)
            )
            ledger.read(got, before)

    def write_few(self, client: Any) -> None:
        ledger = self.few
        version = ledger.begin()
        w = witness(ledger.keys, version).tolist()
        rows = [
            (("test", "soak", key), {"v": version, "w": w[i]})
            for i, key in enumerate(ledger.keys.tolist())
        ]
        ledger.wrote(
            version, self.call(self.writing, lambda: client.batch_write(rows, self.writing))
        )

    def count(self, client: Any, which: int) -> None:
        counter = self.counters[which]
        started = time.monotonic()
        try:
            client.increment(("test", "counters", which), "n", 1, policy=self.counting)
            counter.acked += 1
        except exception.AerospikeError as error:
            assert error.code in EXPECTED, f"increment: {type(error).__name__}: {error}"
            if error.in_doubt:
                counter.doubt += 1
            else:
                counter.refused += 1
        took = time.monotonic() - started
        assert took < self.counting["total_timeout"] / 1000 + BEYOND, f"increment took {took:.1f} s"

    # ---- threads ----

    def writer(self, client: Any) -> None:
        self.write(client)
        self.read(client, self.rows)
        self.write(client)

    def reader(self, client: Any, as_records: bool) -> None:
        self.read(client, self.rows, as_records)
        self.read(client, self.rows)

    def small(self, client: Any, order: random.Random) -> None:
        for _ in range(20):
            self.write_few(client)
            for _ in range(order.randint(1, 8)):
                self.count(client, order.randrange(COUNTERS))
            self.read(client, self.few)
            if self.done.is_set():
                return

    def make_faults(self, cluster: Any, order: random.Random) -> None:
        while not self.done.wait(order.uniform(0, 2 * self.pace)):
            self.fault(cluster, order)

    def fault(self, cluster: Any, order: random.Random) -> None:
        by_state: dict[str, list[int]] = {"running": [], "frozen": [], "killed": []}
        for node in cluster.nodes:
            by_state[node.state].append(node.index)
        running, frozen, killed = by_state["running"], by_state["frozen"], by_state["killed"]
        moving = [i for i in killed if i != 0]  # a client that knows no address can't come back
        can = ["move", "move all"]
        can += ["kill", "freeze"] * (len(running) > 1)
        can += ["kill frozen"] * bool(frozen)
        can += ["thaw"] * (3 * len(frozen))
        can += ["restart"] * (2 * len(killed)) + ["restart elsewhere"] * len(moving)
        can += ["add"] * (len(cluster.nodes) < MAX_NODES)
        what = order.choice(can)
        of = {"kill frozen": frozen, "thaw": frozen, "restart": killed, "restart elsewhere": moving}
        i = order.choice(of.get(what, running))
        now = time.monotonic() - self.started
        self.faults.append(
            f"{now * 1000:8.1f} ms  {what} {'' if what in ('add', 'move all') else i}"
        )
        if what == "move":
            cluster.move_partitions(order.randint(1, 4096), i, seed=order.randrange(2**31))
        elif what == "move all":
            cluster.move_partitions()
        elif what == "add":
            cluster.add_node()
        elif what == "restart elsewhere":
            cluster.restart(i, 0)
        else:
            getattr(cluster, what.removesuffix(" frozen"))(i)

    def thread(self, work: Callable[..., None], *arguments: Any) -> threading.Thread:
        def guarded() -> None:
            try:
                work(*arguments)
            except BaseException as error:
                self.failure = self.failure or error
                self.done.set()

        thread = threading.Thread(target=guarded, name=work.__name__, daemon=True)
        thread.start()
        return thread

    def join(self, threads: list[threading.Thread]) -> None:
        deadline = time.monotonic() + CALL_ENDS
        for thread in threads:
            thread.join(max(0.0, deadline - time.monotonic()))
            if thread.is_alive():
                with tempfile.TemporaryFile("w+") as stacks:
                    faulthandler.dump_traceback(stacks)
                    stacks.seek(0)
                    raise AssertionError(
                        f"{thread.name} has not ended after {CALL_ENDS:.0f} s\n{stacks.read()}"
                    )
        if self.failure is not None:
            raise self.failure

    # ---- the whole ----

    def run(self) -> None:
        with (
            LocalCluster(nodes=self.nodes, replication_factor=2) as cluster,
            cluster.client(self.config) as client,
        ):
            own = [random.Random(self.random.randrange(2**31)) for _ in range(2)]
            faults = self.thread(self.make_faults, cluster, own[0])
            calls = [
                self.thread(self.writer, client),
                self.thread(self.reader, client, self.random.random() < 0.3),
                self.thread(self.small, client, own[1]),
            ]
            try:
                self.join(calls[:2])
            finally:
                self.done.set()
            self.join([calls[2], faults])
            self.quiesce(cluster)
            with cluster.client() as fresh:
                self.check(fresh)
            self.check(client)  # the one that saw it all has found its way back

    def quiesce(self, cluster: Any) -> None:
        for node in cluster.nodes:
            if node.state == "frozen":
                cluster.thaw(node.index)
            elif node.state == "killed":
                cluster.restart(node.index)

    def check(self, client: Any) -> None:
        for ledger in (self.rows, self.few):
            keys = aerospike_np.Keys("test", "soak", ledger.keys)
            ledger.at_the_end(client.batch_read(keys, None, LARGE, _dtype=DTYPE))
        for which, counter in enumerate(self.counters):
            try:
                value = client.get(("test", "counters", which), LARGE).bins["n"]
            except exception.RecordNotFound:
                value = 0
            assert counter.acked <= value <= counter.acked + counter.doubt, (
                f"counter {which} has {value}: {counter.acked} acknowledged, {counter.doubt} in doubt, "
                f"{counter.refused} refused"
            )

    def report(self) -> str:
        return "\n".join(
            [
                f"seed {self.seed}: {self.nodes} nodes at first, {self.config}",
                f"reads {self.reading}",
                f"writes {self.writing}",
                f"faults, from the start of the run; their pace is {self.pace * 1000:.0f} ms:",
                *self.faults,
                f"again: AEROSPIKE_NP_SOAK_SEED={self.seed} AEROSPIKE_NP_SOAK_RUNS=1 "
                "python -m pytest tests/integration/test_soak.py",
            ]
        )


@pytest.mark.parametrize("seed", range(FIRST, FIRST + RUNS), ids="seed{}".format)
def test_each_row_ends_once_and_no_acknowledged_write_is_lost_while_nodes_fail(seed: int) -> None:
    run = Run(seed)
    try:
        run.run()
    except BaseException as error:
        raise AssertionError(f"{error!r}\n{run.report()}") from error


@pytest.mark.parametrize(
    ("break_it", "complaint"),
    [
        ("lose an acknowledged write", "neither the last acknowledged one nor in doubt"),
        ("apply a refused one", "neither the last acknowledged one nor in doubt"),
        ("apply one twice", "not applied as often"),
        ("lose a record", "neither the last acknowledged one nor in doubt"),
        ("mix two rows up", "no row's value"),
    ],
)
def test_the_check_itself_sees_a_broken_promise(break_it: str, complaint: str) -> None:
    """Against a cluster that keeps its promises the checker would never be seen to fail."""
    with LocalCluster(nodes=2, replication_factor=2) as cluster, cluster.client() as client:
        run = Run(0)
        run.rows, run.writing, run.reading = Ledger(0, ROWS), LARGE, LARGE
        run.write(client)
        run.write(client)
        run.write_few(client)
        run.check(client)
        key, ledger = ("test", "soak", 77), run.rows
        if break_it == "lose an acknowledged write":
            client.put(key, {"v": 1, "w": int(witness(77, 1))})
        elif break_it == "apply a refused one":
            ledger.acked[77], ledger.refused[77] = 1, 1 << 2
        elif break_it == "apply one twice":
            client.put(key, client.get(key).bins)
        elif break_it == "lose a record":
            client.remove(key)
        else:
            client.put(key, client.get(("test", "soak", 78)).bins)
        with pytest.raises(AssertionError, match=complaint):
            run.check(client)


def test_client_finds_a_node_that_came_back_at_another_address() -> None:
    with LocalCluster(nodes=3) as cluster, cluster.client({"tend_interval": 50}) as client:
        client.put(("test", "soak", 0), {"v": 1})
        cluster.kill(2)
        cluster.restart(2, 0)
        wanted = sorted((node.host, node.port) for node in cluster.nodes)
        until(lambda: sorted(client.get_nodes()) == wanted)
