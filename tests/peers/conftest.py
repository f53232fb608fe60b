"""One node for the whole run, and one client of each kind that talks to it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import count
from typing import Any

import pytest

from aerospike_np.local import LocalNode

from .clients import connect


@pytest.fixture(scope="session")
def node() -> Iterator[LocalNode]:
    """An embedded node in this process."""
    with LocalNode(namespaces=("test", "mem")) as node:
        yield node


@pytest.fixture(scope="session")
def client_of(node: LocalNode) -> Iterator[Callable[[str], Any]]:
    """Gives the client of a name, connected when first asked for."""
    open_clients: dict[str, Any] = {}

    def find(name: str) -> Any:
        if name not in open_clients:
            open_clients[name] = connect(name, node.host, node.port)
        return open_clients[name]

    yield find
    for client in open_clients.values():
        client.close()


@pytest.fixture(scope="session")
def numbers() -> Iterator[int]:
    """Numbers that no other test has."""
    return count()


@pytest.fixture
def fresh(numbers: Iterator[int]) -> str:
    """The name of a set that no other test uses."""
    return f"set{next(numbers)}"
