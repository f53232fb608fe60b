"""Fixtures for pytest: a node, a cluster and a client for each test; docs/testing.md shows them.

pytest loads this at each start, so it loads neither NumPy nor the engine; the fixtures do.
"""

from __future__ import annotations

import hashlib
import os
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from ._client import Client
    from .local import LocalCluster, LocalNode

__all__ = [
    "aerospike_client",
    "aerospike_cluster",
    "aerospike_namespace",
    "aerospike_node",
    "aerospike_set",
    "outside_cluster",
]

_MARKER = (
    "aerospike(nodes=3, replication_factor=2, rack_ids=None, namespaces=['test'], config=None, ...): "
    "what the aerospike_* fixtures of a test are made with. config is the client's; nodes, "
    "replication_factor and rack_ids are LocalCluster's; LocalNode and LocalCluster take the rest."
)
_OF_CLUSTERS = ("nodes", "replication_factor", "rack_ids")
_EMPTY_WITHIN = 10.0  # seconds


def outside_cluster() -> dict[str, Any] | None:
    """The configuration of the cluster that ``AEROSPIKE_HOST`` names; None where it is not set.

    ``AEROSPIKE_PORT`` (default 3000) and ``AEROSPIKE_CLUSTER_NAME`` (default: any) go with it.

    Raises
    ------
    ValueError
        ``AEROSPIKE_PORT`` is no number.

    Examples
    --------
    >>> import os
    >>> from unittest.mock import patch
    >>> from aerospike_np.pytest_plugin import outside_cluster
    >>> names = {"AEROSPIKE_HOST": "10.0.0.1", "AEROSPIKE_PORT": "3100", "AEROSPIKE_CLUSTER_NAME": "blue"}
    >>> with patch.dict(os.environ, names):
    ...     outside_cluster()
    {'hosts': [('10.0.0.1', 3100)], 'cluster_name': 'blue'}
    """
    host = os.environ.get("AEROSPIKE_HOST")
    if not host:
        return None
    port = os.environ.get("AEROSPIKE_PORT") or "3000"
    if not port.isdecimal():
        raise ValueError(f"AEROSPIKE_PORT must be a number, not {port!r}")
    config: dict[str, Any] = {"hosts": [(host, int(port))]}
    if name := os.environ.get("AEROSPIKE_CLUSTER_NAME"):
        config["cluster_name"] = name
    return config


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addini(
        "aerospike_namespaces",
        "namespaces of aerospike_node and aerospike_cluster (default: test)",
        type="args",
        default=["test"],
    )
    parser.addini(
        "aerospike_set_prefix",
        "what the names that aerospike_set gives begin with (default: pytest_)",
        default="pytest_",
    )


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", _MARKER)


@pytest.fixture
def aerospike_node(request: pytest.FixtureRequest) -> Iterator[LocalNode]:
    """An empty embedded node, for this test alone."""
    _needs_embedded("node")
    from .local import LocalNode

    options = _of_node(request)
    for name in ("config", *_OF_CLUSTERS):
        options.pop(name, None)
    with LocalNode(**options) as node:
        yield node


@pytest.fixture
def aerospike_cluster(request: pytest.FixtureRequest) -> Iterator[LocalCluster]:
    """An empty embedded cluster, for this test alone: three nodes and replication factor 2."""
    _needs_embedded("cluster")
    from .local import LocalCluster

    options = {"nodes": 3, "replication_factor": 2, **_of_node(request)}
    options.pop("config", None)
    with LocalCluster(**options) as cluster:
        yield cluster


@pytest.fixture
def aerospike_client(request: pytest.FixtureRequest) -> Iterator[Client]:
    """A connected client of this test's node or cluster, or of the cluster that AEROSPIKE_HOST names."""
    marked = _marked(request)
    config = marked.pop("config", None) or {}
    outside = outside_cluster()
    if outside is None:
        clusters = "aerospike_cluster" in request.fixturenames or any(
            name in marked for name in _OF_CLUSTERS
        )
        owner = request.getfixturevalue("aerospike_cluster" if clusters else "aerospike_node")
        with owner.client(config) as client:
            yield client
        return
    if marked:
        _needs_embedded("node", "".join(f" ({k}={v!r})" for k, v in marked.items()))
    from ._client import Client

    with Client({**outside, **config}) as client:
        yield client


@pytest.fixture
def aerospike_namespace(request: pytest.FixtureRequest) -> str:
    """The first namespace of this test's node or cluster; outside, AEROSPIKE_NAMESPACE or ``test``."""
    if outside_cluster() is not None:
        return os.environ.get("AEROSPIKE_NAMESPACE") or "test"
    namespaces = _of_node(request)["namespaces"]
    first = namespaces if isinstance(namespaces, str) else next(iter(namespaces))
    return str(first["name"] if isinstance(first, dict) else first)


@pytest.fixture
def aerospike_set(request: pytest.FixtureRequest, aerospike_namespace: str) -> Iterator[str]:
    """The name of an empty set that no other test has; outside it is truncated after the test."""
    # The same name in each run: a namespace has room for 4,095 sets, and forgets none.
    digest = hashlib.blake2b(request.node.nodeid.encode(), digest_size=10).hexdigest()
    name = f"{request.config.getini('aerospike_set_prefix')}{digest}"
    outside = outside_cluster()
    if outside is None:
        yield name
        return
    from ._client import Client

    with Client(outside) as client:
        _empty(client, aerospike_namespace, name)
        yield name
        client.truncate(aerospike_namespace, name)


def _marked(request: pytest.FixtureRequest) -> dict[str, Any]:
    """The arguments of the test's markers, of which the nearest counts."""
    marked: dict[str, Any] = {}
    for mark in request.node.iter_markers("aerospike"):
        if mark.args:
            raise TypeError("pytest.mark.aerospike takes its arguments by name")
        marked = {**mark.kwargs, **marked}
    return marked


def _of_node(request: pytest.FixtureRequest) -> dict[str, Any]:
    return {"namespaces": request.config.getini("aerospike_namespaces"), **_marked(request)}


def _needs_embedded(what: str, why: str = "") -> None:
    outside = outside_cluster()
    if outside is not None:
        host, port = outside["hosts"][0]
        pytest.skip(f"needs the embedded {what}{why}, not {host}:{port}: unset AEROSPIKE_HOST")


def _empty(client: Client, namespace: str, set_name: str) -> None:
    """Removes what a run that was broken off has left.

    A set without records is left alone: the clocks of a cluster differ, and a truncation may take what is
    written just after it.
    """
    deadline = time.monotonic() + _EMPTY_WITHIN
    while _has_records(client, namespace, set_name):
        if time.monotonic() > deadline:
            raise TimeoutError(
                f"aerospike_set: {namespace}.{set_name} was truncated, and still has records after "
                f"{_EMPTY_WITHIN:g} s"
            )
        client.truncate(namespace, set_name)
        time.sleep(0.05)


def _has_records(client: Client, namespace: str, set_name: str) -> bool:
    answers = client.info_all(f"sets/{namespace}/{set_name}")
    return any(
        pair.startswith("objects=") and pair != "objects=0"
        for answer in answers
        for pair in answer.response.strip().split(":")
    )
