"""Fixtures of the conformance tests, and the table that ends them."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from aerospike_np.local import LocalNode

from .replay import Outcome
from .wire import Connection

OUTCOMES = pytest.StashKey[dict[str, Outcome]]()
HEAD = ("log", "same", "different on purpose", "not compared")


@pytest.fixture(scope="session")
def outcomes(request: pytest.FixtureRequest) -> dict[str, Outcome]:
    """What the replayed logs gave, by name; printed when all is done."""
    return request.config.stash.setdefault(OUTCOMES, {})


@pytest.fixture(scope="module")
def node() -> Iterator[LocalNode]:
    """A node of the recorded server's two namespaces."""
    with LocalNode(namespaces=("test", "mem")) as node:
        yield node


@pytest.fixture
def connection(node: LocalNode) -> Iterator[Connection]:
    """A connection of the test's own."""
    with Connection((node.host, node.port)) as connection:
        yield connection


def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter, config: pytest.Config
) -> None:
    outcomes = config.stash.get(OUTCOMES, {})
    if not outcomes:
        return
    lines = [
        (name, len(o.same), len(o.on_purpose), len(o.not_compared))
        for name, o in sorted(outcomes.items())
    ]
    lines.append(("all", *(sum(line[i] for line in lines) for i in (1, 2, 3))))
    terminalreporter.section("recorded traffic")
    for line in (HEAD, *lines):
        terminalreporter.write_line("{:<28}{:>8}{:>24}{:>16}".format(*line))
