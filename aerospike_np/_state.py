"""What a client knows of its cluster: figures, and whether all is well. Nobody is asked."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from ._engine import Core


class ConnectionStats(NamedTuple):
    """Connections to one node: now in use, idle, and calls that wait for one; opened and closed so far."""

    in_use: int
    in_pool: int
    opened: int
    closed: int
    waiting: int


class NodeStats(NamedTuple):
    """One node; ``error_count`` is of the current window of ``max_error_rate``."""

    name: str
    address: str
    port: int
    conns: ConnectionStats
    error_count: int


class ClusterStats(NamedTuple):
    """Figures of a client, since it connected.

    ``retry_count`` counts attempts beyond the first, of all commands that ended; in a batch, of each
    sub-batch. ``tend_count`` counts the rounds in which the client looked at its nodes,
    ``tend_failures`` those in which one did not answer well.
    """

    nodes: tuple[NodeStats, ...]
    retry_count: int
    tend_count: int
    tend_failures: int
    last_tend_seconds: float
    nodes_added: int
    nodes_removed: int


class NodeHealth(NamedTuple):
    """One node, as the last round found it.

    ``failures`` counts rounds in a row without a good answer; ``round_trip`` is in seconds, smoothed,
    None before the first. ``is_healthy`` is False where it failed, or where it is left alone for having
    had more than ``max_error_rate`` errors.
    """

    name: str
    host: str
    port: int
    is_healthy: bool
    failures: int
    round_trip: float | None


class Health(NamedTuple):
    """Whether all is well; ``messages`` say what is not.

    ``partitions_without_owner`` counts them by namespace; a namespace without any is left out.
    """

    is_healthy: bool
    is_connected: bool
    nodes: tuple[NodeHealth, ...]
    partitions_without_owner: dict[str, int]
    messages: tuple[str, ...]


def host_and_port(address: str) -> tuple[str, int]:
    host, _, port = address.rpartition(":")
    return host.strip("[]"), int(port)


def stats(core: Core) -> ClusterStats:
    state = core.state()
    if state is None:
        return ClusterStats((), 0, 0, 0, 0.0, 0, 0)
    nodes, _, (retries, tends, failures, last, added, removed) = state
    return ClusterStats(
        tuple(
            NodeStats(name, *host_and_port(address), ConnectionStats(*conns), errors)
            for name, address, _, conns, errors, *_ in nodes
        ),
        retries, tends, failures, last / 1e9, added, removed,
    )  # fmt: skip


def _node(
    name: str, address: str, active: bool, failures: int, ns: int, allows: bool
) -> NodeHealth:
    is_healthy = active and failures == 0 and allows
    return NodeHealth(name, *host_and_port(address), is_healthy, failures, ns / 1e9 if ns else None)


def health(core: Core) -> Health:
    state: Any = core.state()
    if state is None:
        return Health(False, False, (), {}, ("the client is not connected",))
    messages: list[str] = []
    nodes: list[NodeHealth] = []
    for name, address, active, _, errors, failures, ns, allows in state[0]:
        nodes.append(_node(name, address, active, failures, ns, allows))
        if failures:
            messages.append(
                f"node {name} at {address} has not answered well, {failures} times in a row"
            )
        elif not allows:
            messages.append(f"node {name} at {address} is left alone after {errors} errors")
    unowned = {namespace: n for namespace, n in state[1].items() if n}
    for namespace, n in unowned.items():
        messages.append(f"{n} partitions of namespace {namespace} have no owner")
    is_connected = core.is_connected()
    if not is_connected:
        messages.append("no node has told its partitions yet" if nodes else "no node answers")
    return Health(not messages, is_connected, tuple(nodes), unowned, tuple(messages))
