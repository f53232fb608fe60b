"""Random operations: our requests are, byte for byte, those of the official client and of aerospike-py."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from importlib import import_module
from types import SimpleNamespace
from typing import Any

import aerospike_py
import numpy as np
import pytest
from fake_server import FakeServer, frame, message
from hypothesis import given, settings
from operation_calls import sent

import aerospike_np
from aerospike_np.local import LocalNode

from .apart import Apart
from .clients import PATIENT
from .heard import Heard
from .plans import CHECKS, Plan, carried_out
from .random_operations import operations, policies, py_operations

pytestmark = pytest.mark.filterwarnings("ignore:.*deprecated:DeprecationWarning")
KEY = ("test", "s", "k")
MODULES = ("bitwise", "expression", "hll", "list", "map")
PY_MODULES = ("bit_operations", "hll_operations", "list_operations", "map_operations")


class Sending:
    """A client, a server that keeps its last request, and the client's builders."""

    def __init__(self, client: str, helpers: str) -> None:
        self.last = b""
        self.server = FakeServer(self.answer, {"replicas": "test:0,1," + "/" * 682 + "8="})
        host, port = self.server.address
        self.server.values["service-clear-std"] = f"{host}:{port}"
        package = import_module(client)
        policies = {"operate": PATIENT}  # it is in the requests
        self.client = package.client({"hosts": [(host, port)], "policies": policies}).connect()
        modules = [import_module(f"{helpers}.operations.{name}_operations") for name in MODULES]
        plain = import_module(f"{helpers}.operations.operations")
        self.builders = together(import_module(f"{helpers}.expressions"), *modules, plain)
        self.contexts = import_module(f"{helpers}.cdt_ctx")
        self.values = together(package, import_module(helpers), package)

    def answer(self, body: bytes) -> bytes:
        self.last = body
        return frame(message())

    def sends(self, call: list[Any]) -> bytes:
        """What goes out for operations, a meta and a policy."""
        made = carried_out(call, self.builders, self.contexts, self.values)
        self.client.operate(KEY, *made)
        return self.last

    def stop(self) -> None:
        self.client.close()
        self.server.stop()


def together(*modules: Any) -> SimpleNamespace:
    return SimpleNamespace(**{name: value for one in modules for name, value in vars(one).items()})


@pytest.fixture(scope="module")
def official() -> Iterator[Apart]:
    apart = Apart(lambda: Sending("aerospike", "aerospike_helpers").sends)
    yield apart
    apart.stop()


@pytest.fixture(scope="module")
def ours() -> Iterator[Sending]:
    ours = Sending("aerospike_np", "aerospike_np.helpers")
    yield ours
    ours.stop()


def without_time(request: bytes) -> tuple[int, str]:
    """The milliseconds that a request gives the server, and the rest of it."""
    return int.from_bytes(request[14:18], "big"), (request[:14] + request[18:]).hex(" ")


@settings(CHECKS, max_examples=1500)
@given(ops=operations(), policy=policies())
def test_our_requests_are_those_of_the_official_client(
    official: Apart, ours: Sending, ops: list[Any], policy: list[Any]
) -> None:
    theirs = official.bytes_of([ops, *policy])
    assert isinstance(theirs, bytes), theirs
    (ours_time, our_rest), (time, rest) = map(without_time, (ours.sends([ops, *policy]), theirs))
    assert our_rest == rest
    assert 0 < ours_time <= time == policy[1]["total_timeout"]  # ours is what is left of it


def as_numpy(part: Any) -> Any:
    """The same with NumPy's scalars in place of Python's."""
    if isinstance(part, bool):
        return np.bool_(part)
    if isinstance(part, int):
        return np.int64(part) if part < 2**63 else np.uint64(part)
    if isinstance(part, float):
        return np.float64(part)
    if isinstance(part, str):
        return np.str_(part)
    if isinstance(part, list):
        return [as_numpy(item) for item in part]
    if isinstance(part, Plan):
        return Plan(part.name, tuple(map(as_numpy, part.args)), as_numpy(part.named))
    if isinstance(part, dict):
        return {key: as_numpy(item) for key, item in part.items()}
    return part


@settings(CHECKS, max_examples=300)
@given(ops=operations())
def test_numpys_scalars_are_sent_as_pythons(ours: Sending, ops: list[Any]) -> None:
    numpys, pythons = (ours.sends([part, {}, {}]) for part in (as_numpy(ops), ops))
    assert without_time(numpys)[1] == without_time(pythons)[1]


@pytest.fixture(scope="module")
def aerospike_pys(node: LocalNode) -> Iterator[Callable[[list[Plan]], list[Any]]]:
    heard = Heard(node)
    builders = together(*(getattr(aerospike_py, name) for name in PY_MODULES))

    def sends(ops: list[Plan]) -> list[Any]:
        made = carried_out(ops, builders, None, None)
        return sent(heard.request(lambda client: client.operate(KEY, made)))

    yield sends
    heard.stop()


def our_likes(ours: Sending, ops: list[Plan]) -> list[Any]:
    """What ours send for calls of builders that have aerospike-py's signatures."""
    builders = together(*(getattr(aerospike_np, name) for name in PY_MODULES))
    ours.client.operate(KEY, carried_out(ops, builders, None, None))
    return sent(ours.last)


@settings(CHECKS, max_examples=1000)
@given(ops=py_operations())
def test_our_operations_are_those_of_aerospike_py(
    aerospike_pys: Callable[[list[Plan]], list[Any]], ours: Sending, ops: list[Plan]
) -> None:
    assert our_likes(ours, ops)[2:] == aerospike_pys(ops)[2:]


# A call of aerospike-py's builders which sends something else, and the official client's call.
DIFFERENT = {
    "policies have values of their own": (
        Plan("list_append", ("b", 1)),
        Plan("list_append", ("b", 1)),
    ),
    "flags are sent as the order": (
        Plan("list_increment", ("b", 0, 1, {"order": 0, "flags": 1})),
        Plan("list_increment", ("b", 0, 1, {"list_order": 0, "write_flags": 1})),
    ),
    "an open end is infinity": (
        Plan("list_get_by_value_range", ("b", 1, None, 7)),
        Plan("list_get_by_value_range", ("b", 7, 1, None)),
    ),
    "ways to write are operations of their own": (
        Plan("map_put", ("b", "k", 1, {"order": 1, "write_mode": 1})),
        Plan("map_put", ("b", "k", 1, {"map_order": 1, "map_write_flags": 1})),
    ),
    "an increment of a map has no order": (
        Plan("map_increment", ("b", "k", 1, {"order": 1, "write_mode": 2})),
        Plan("map_increment", ("b", "k", 1, {"map_order": 1, "map_write_flags": 2})),
    ),
    "flags of 0 are left out": (Plan("bit_resize", ("b", 5)), Plan("bit_resize", ("b", 5))),
}


@pytest.mark.parametrize(("likes", "officials"), DIFFERENT.values(), ids=list(DIFFERENT))
def test_where_aerospike_py_sends_something_else_ours_are_the_official_clients(
    likes: Plan,
    officials: Plan,
    official: Apart,
    ours: Sending,
    aerospike_pys: Callable[[list[Plan]], list[Any]],
) -> None:
    theirs = official.bytes_of([[officials], {}, {}])
    assert isinstance(theirs, bytes)
    assert our_likes(ours, [likes]) == sent(theirs)
    assert aerospike_pys([likes])[2:] != sent(theirs)[2:]
