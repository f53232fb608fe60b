"""A node whose rows tell what was written last, behind a proxy that fails, and beside it.

Values are made from their keys and a version, so that a wrong row shows. What a write did is asked of the node
itself, past the proxy, once everything that was under way has come or gone.
"""

from __future__ import annotations

import gc
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
from fault_proxy import FaultProxy
from until import until

import aerospike_np as aerospike
from aerospike_np import exception
from aerospike_np.local import LocalNode

SET = "faults"
ROWS = 20_000
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


@contextmanager
def the_truth() -> Iterator[Truth]:
    """A node with rows, and nothing left of it afterwards."""
    before = len(descriptors())
    truth = Truth()
    yield truth
    truth.stop()

    def are_closed() -> bool:
        gc.collect()  # errors hold what they are about, and are part of cycles
        return len(descriptors()) <= before

    until(are_closed, "all descriptors to be closed")
