"""Embedded Aerospike nodes: in memory, in this process, for development and tests."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any, Literal, NoReturn

if TYPE_CHECKING:
    from ._client import Client
    from ._node import Cluster

__all__ = ["ClusterNode", "LocalCluster", "LocalNode"]

_NSUP_PERIOD = 120
_MAX_OUTPUT = 4 * 1024 * 1024
_PARTITIONS = 4096


class ClusterNode:
    """One node of an embedded cluster: where it listens, how it is, what it has served.

    `LocalCluster.nodes` gives them; a node keeps its index for as long as its cluster lives.
    """

    def __init__(self, cluster: Cluster, index: int) -> None:
        self._cluster = cluster
        self.index = index

    @property
    def host(self) -> str:
        """The address it listens on."""
        return self._cluster.look(self.index)[1]

    @property
    def port(self) -> int:
        """The port it listens on; of a killed node, that it had."""
        return self._cluster.look(self.index)[2]

    @property
    def name(self) -> str:
        """The node's id, as clients see it."""
        return self._cluster.look(self.index)[0]

    @property
    def rack_id(self) -> int | None:
        """Its rack; None where the cluster has none."""
        rack = self._cluster.look(self.index)[3]
        return rack if rack >= 0 else None

    @property
    def state(self) -> Literal["running", "frozen", "killed"]:
        """How it is."""
        return self._cluster.look(self.index)[4]

    def config(self) -> dict[str, Any]:
        """A configuration for any client, with this node as the only host."""
        return {"hosts": [(self.host, self.port)]}

    def stats(self) -> dict[str, int]:
        """Counters, of a killed node as it left.

        ``requests`` and ``batch_rows`` served, ``proxied`` ones among them (for records of which another
        node is the owner), ``connections`` open, ``connections_opened``, ``connections_refused``;
        ``objects`` and ``memory`` are of the store, which the nodes of a cluster share.
        """
        return self._cluster.stats(self.index)

    def __repr__(self) -> str:
        try:
            return (
                f"<ClusterNode {self.index}: {self.name} on {self.host}:{self.port}, {self.state}>"
            )
        except Exception:
            return f"<ClusterNode {self.index}, stopped>"

    def __reduce__(self) -> Any:
        raise TypeError("an embedded node stays in its process; pickle its config() instead")


class LocalNode:
    """A node that serves the Aerospike protocol on loopback until it is stopped.

    Any Aerospike client can use it. Its data live in memory and go with it. It has no authentication.

    Parameters
    ----------
    host : str
        A loopback address; another one needs ``allow_remote=True``.
    port : int
        0 takes a free one.
    namespaces : iterable of str or dict
        Names, or dicts with ``name``, ``default_ttl``, ``nsup_period`` (seconds) and ``max_record_size``
        (bytes).
    max_memory : int
        Bytes of records; beyond it writes get code 8. 0: no cap.
    max_connections : int
        Beyond it new ones are closed at once.
    batch_max_requests : int
        Rows a batch may have (code 151 beyond); 0: no limit.
    threads : int
        That serve connections.

    Examples
    --------
    >>> from aerospike_np.local import LocalNode
    >>> with LocalNode() as node, node.client() as client:
    ...     client.put(("test", "demo", 1), {"a": 1})
    ...     client.get(("test", "demo", 1)).bins
    {'a': 1}
    """

    def __init__(
        self,
        host: str = "127.0.0.1",
        port: int = 0,
        *,
        namespaces: Iterable[str | dict[str, Any]] = ("test",),
        name: str = "",
        cluster_name: str = "",
        allow_remote: bool = False,
        max_memory: int = 0,
        max_connections: int = 1024,
        batch_max_requests: int = 0,
        max_output: int = _MAX_OUTPUT,
        threads: int = 2,
    ) -> None:
        options = _node_options(
            host,
            cluster_name,
            allow_remote,
            max_connections,
            batch_max_requests,
            max_output,
            threads,
        )
        _check("port", port, 65535)
        self._cluster = _open(namespaces, 1, max_memory)
        self._cluster.add(port=port, name=name, rack=-1, **options)
        self._node = ClusterNode(self._cluster, 0)

    @property
    def host(self) -> str:
        """The address it listens on."""
        return self._node.host

    @property
    def port(self) -> int:
        """The port it listens on."""
        return self._node.port

    @property
    def name(self) -> str:
        """The node's id, as clients see it."""
        return self._node.name

    def config(self) -> dict[str, Any]:
        """A configuration for any client: ``{"hosts": [(host, port)]}``."""
        return self._node.config()

    def client(self, config: dict[str, Any] | None = None) -> Client:
        """A client of this node, not yet connected; ``config`` adds further keys."""
        return _client({**self.config(), **(config or {})})

    def stats(self) -> dict[str, int]:
        """Counters: objects, memory, connections, requests, batch_rows, ..."""
        return self._node.stats()

    def freeze(self) -> None:
        """Answers nothing until `thaw`: connections and bytes wait in the kernel, as for a stopped process."""
        self._cluster.freeze(0)

    def thaw(self) -> None:
        """Goes on, with what came meanwhile."""
        self._cluster.thaw(0)

    def stop(self) -> None:
        """Stops serving and frees the data; harmless twice."""
        self._cluster.stop()

    def __enter__(self) -> LocalNode:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.stop()

    def __repr__(self) -> str:
        try:
            return f"<LocalNode {self.name} on {self.host}:{self.port}>"
        except Exception:
            return "<LocalNode, stopped>"

    def __reduce__(self) -> Any:
        raise TypeError(
            "a LocalNode stays in its process; pickle node.config(), or a client, instead"
        )


class LocalCluster:
    """Several embedded nodes that share the partitions, and can be made to fail.

    The nodes listen on ports of their own and have one store between them: what one has acknowledged, the
    others have too. Each says truly who its peers are and which partitions it owns, and passes on
    (proxies) what it is asked for another's, as a real node does.

    Parameters
    ----------
    nodes : int
        How many, from 1 to 64. Their ids are ``A1``, ``A2``, ...
    replication_factor : int
        Owners of a partition, master included, from 1 to 8; fewer where there are fewer nodes.
    rack_ids : sequence of int, optional
        A rack (0 or more) for each node. A partition's replicas are then on different racks as far as that goes.
    host, port : str, int
        As in `LocalNode`; with a port above 0 the nodes take that one and the following ones.
    namespaces, cluster_name, allow_remote, max_memory, max_connections, batch_max_requests, max_output, threads
        As in `LocalNode`; ``max_memory`` is of all nodes together, ``threads`` of each.

    Examples
    --------
    >>> from aerospike_np.local import LocalCluster
    >>> with LocalCluster(nodes=3) as cluster, cluster.client() as client:
    ...     client.put(("test", "demo", 1), {"a": 1})
    ...     cluster.kill(0)
    ...     client.get(("test", "demo", 1)).bins
    {'a': 1}
    """

    def __init__(
        self,
        nodes: int = 3,
        replication_factor: int = 2,
        rack_ids: Sequence[int] | None = None,
        *,
        host: str = "127.0.0.1",
        port: int = 0,
        namespaces: Iterable[str | dict[str, Any]] = ("test",),
        cluster_name: str = "",
        allow_remote: bool = False,
        max_memory: int = 0,
        max_connections: int = 1024,
        batch_max_requests: int = 0,
        max_output: int = _MAX_OUTPUT,
        threads: int = 1,
    ) -> None:
        self._options = _node_options(
            host,
            cluster_name,
            allow_remote,
            max_connections,
            batch_max_requests,
            max_output,
            threads,
        )
        _check("nodes", nodes, 64, low=1)
        _check("replication_factor", replication_factor, 8, low=1)
        _check("port", port, 65535)
        racks = None if rack_ids is None else list(rack_ids)
        if racks is not None and len(racks) != nodes:
            _refuse(f"rack_ids has {len(racks)} racks for {nodes} nodes: give one for each")
        self._nodes: list[ClusterNode] = []
        self._adding = threading.Lock()
        self._cluster = _open(namespaces, replication_factor, max_memory)
        try:
            for i in range(nodes):
                self._add(None if racks is None else racks[i], port + i if port else 0)
        except BaseException:
            self.stop()
            raise

    def _add(self, rack_id: int | None, port: int) -> int:
        if rack_id is not None:
            _check("rack_id", rack_id, 2**31 - 1)
        with self._adding:  # names and indexes go by the number of nodes
            index = self._cluster.add(
                port=port,
                name=f"A{len(self._nodes) + 1:X}",
                rack=-1 if rack_id is None else rack_id,
                **self._options,
            )
            self._nodes.append(ClusterNode(self._cluster, index))
        return index

    @property
    def nodes(self) -> list[ClusterNode]:
        """All nodes ever added, killed ones too, by index."""
        return list(self._nodes)

    def config(self) -> dict[str, Any]:
        """A configuration for any client: ``{"hosts": [(host, port), ...]}`` of the nodes that are not killed."""
        present = [node for node in self._nodes if node.state != "killed"]
        return {"hosts": [(node.host, node.port) for node in present or self._nodes]}

    def client(self, config: dict[str, Any] | None = None) -> Client:
        """A client of this cluster, not yet connected; ``config`` adds further keys."""
        return _client({**self.config(), **(config or {})})

    def kill(self, index: int) -> None:
        """Takes a node out, as a crash does: its connections are reset, nobody listens there any more.

        Its replicas are promoted at once. A partition that had no other owner has none now, and its
        records are gone.
        """
        self._cluster.kill(self._index(index))

    def freeze(self, index: int) -> None:
        """A node answers nothing from when this returns, and owns what it owned.

        Connections and bytes are taken by the kernel, as for a stopped process. What other nodes are asked
        for its partitions is answered with code 9 after a second, or when it thaws.
        """
        self._cluster.freeze(self._index(index))

    def thaw(self, index: int) -> None:
        """A frozen node goes on, with what came meanwhile."""
        self._cluster.thaw(self._index(index))

    def restart(self, index: int, port: int | None = None) -> None:
        """A killed node comes back where it was (or at another port; 0: a free one) and is given partitions."""
        if port is None:
            port = self._nodes[self._index(index)].port
        _check("port", port, 65535)
        self._cluster.restart(self._index(index), port)

    def add_node(self, rack_id: int | None = None) -> int:
        """Starts one more node, which is given partitions; returns its index."""
        return self._add(rack_id, 0)

    def move_partitions(
        self,
        partitions: int | Iterable[int] | None = None,
        to: int | None = None,
        *,
        seed: int | None = None,
    ) -> int:
        """Gives partitions another master.

        Parameters
        ----------
        partitions : int or iterable of int, optional
            Their numbers (0 to 4095), or how many, which are then chosen at random; None: all.
        to : int, optional
            The new master's index; None: for each partition the next node after its master.
        seed : int, optional
            Of the choice.

        Returns
        -------
        int
            How many have another master now.
        """
        if partitions is None:
            chosen = list(range(_PARTITIONS))
        elif isinstance(partitions, int):
            import random

            _check("partitions", partitions, _PARTITIONS)
            chosen = random.Random(seed).sample(range(_PARTITIONS), partitions)
        else:
            chosen = [int(p) for p in partitions]
            for p in chosen:
                _check("a partition", p, _PARTITIONS - 1)
        return self._cluster.move(chosen, -1 if to is None else self._index(to))

    def owners(self) -> list[tuple[int, ...]]:
        """For each of the 4096 partitions the indexes of its owners, master first; ``()``: nobody."""
        return self._cluster.owners()

    def stop(self) -> None:
        """Stops all nodes and frees the data; harmless twice."""
        self._cluster.stop()

    def _index(self, index: int) -> int:
        if (
            isinstance(index, bool)
            or not isinstance(index, int)
            or not 0 <= index < len(self._nodes)
        ):
            _refuse(
                f"there is no node {index!r}: the cluster has nodes 0 to {len(self._nodes) - 1}"
            )
        return index

    def __enter__(self) -> LocalCluster:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.stop()

    def __repr__(self) -> str:
        try:
            states = ", ".join(f"{n.name} {n.host}:{n.port} {n.state}" for n in self._nodes)
            return f"<LocalCluster: {states}>"
        except Exception:
            return "<LocalCluster, stopped>"

    def __reduce__(self) -> Any:
        raise TypeError(
            "a LocalCluster stays in its process; pickle cluster.config(), or a client, instead"
        )


def _open(
    namespaces: Iterable[str | dict[str, Any]], replication_factor: int, max_memory: int
) -> Cluster:
    from ._node import Cluster

    if isinstance(namespaces, str):
        namespaces = (namespaces,)
    _check("max_memory", max_memory, 2**63 - 1)
    return Cluster([_namespace(n) for n in namespaces], replication_factor, max_memory)


def _client(config: dict[str, Any]) -> Client:
    from ._client import Client

    return Client(config)


def _node_options(
    host: str,
    cluster_name: str,
    allow_remote: bool,
    max_connections: int,
    batch_max_requests: int,
    max_output: int,
    threads: int,
) -> dict[str, Any]:
    _check("max_connections", max_connections, 2**32 - 1)
    _check("batch_max_requests", batch_max_requests, 2**32 - 1)
    _check("max_output", max_output, 2**63 - 1)
    _check("threads", threads, 16)
    return {
        "host": host,
        "cluster_name": cluster_name,
        "allow_remote": allow_remote,
        "max_connections": max_connections,
        "batch_max_requests": batch_max_requests,
        "max_output": max_output,
        "threads": threads,
    }


def _refuse(message: str) -> NoReturn:
    from .exception import InvalidArgError

    raise InvalidArgError(message)


def _check(name: str, value: int, high: int, low: int = 0) -> None:
    if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
        _refuse(f"{name} must be an integer from {low} to {high}, not {value!r}")


def _namespace(spec: str | dict[str, Any]) -> tuple[str, int, int, int]:
    if isinstance(spec, str):
        spec = {"name": spec}
    unknown = set(spec) - {"name", "default_ttl", "nsup_period", "max_record_size"}
    if unknown or "name" not in spec:
        _refuse(
            f"namespaces: {spec!r} must have a name, and may have default_ttl, nsup_period and max_record_size"
        )
    for key in ("default_ttl", "nsup_period"):
        _check(key, spec.get(key, 0), 315_360_000)
    _check("max_record_size", spec.get("max_record_size", 0), 128 * 2**20)
    return (
        spec["name"],
        spec.get("default_ttl", 0),
        spec.get("nsup_period", _NSUP_PERIOD),
        spec.get("max_record_size", 0),
    )
