"""What the integration tests talk to: an embedded node, or the cluster that AEROSPIKE_HOST names."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NoReturn

import pytest

from aerospike_np import Client
from aerospike_np.local import LocalNode
from aerospike_np.pytest_plugin import _empty, outside_cluster

NAMESPACE = "test"
if outside_cluster() is not None:
    NAMESPACE = os.environ.get("AEROSPIKE_NAMESPACE") or NAMESPACE


class Outside:
    """Stands where tests have a LocalNode; one that needs more of it than a client is skipped by name."""

    def __init__(self, config: dict[str, Any]) -> None:
        self._config = config

    def config(self) -> dict[str, Any]:
        return dict(self._config)

    def client(self, config: dict[str, Any] | None = None) -> Client:
        return Client({**self._config, **(config or {})})

    def __getattr__(self, name: str) -> NoReturn:
        pytest.skip(f"needs an embedded node ({name}): unset AEROSPIKE_HOST")


@contextmanager
def server(*sets: str) -> Iterator[LocalNode | Outside]:
    """A fresh node; outside these sets are empty before, and truncated afterwards."""
    config = outside_cluster()
    if config is None:
        with LocalNode() as node:
            yield node
        return
    with Client(config) as client:
        for name in sets:
            _empty(client, NAMESPACE, name)
        try:
            yield Outside(config)
        finally:
            for name in sets:
                client.truncate(NAMESPACE, name)


def requests(node: LocalNode | Outside) -> int:
    """How many requests an embedded node has had; outside nobody counts them, and nothing seems to be sent."""
    return node.stats()["requests"] if isinstance(node, LocalNode) else 0
