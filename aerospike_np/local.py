"""An embedded Aerospike node: in memory, in this process, for development and tests."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ._client import Client

__all__ = ["LocalNode"]

_NSUP_PERIOD = 120


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
        max_output: int = 4 * 1024 * 1024,
        threads: int = 2,
    ) -> None:
        from ._node import Node

        if isinstance(namespaces, str):
            namespaces = (namespaces,)
        _check("port", port, 65535)
        _check("max_connections", max_connections, 2**32 - 1)
        _check("batch_max_requests", batch_max_requests, 2**32 - 1)
        _check("threads", threads, 16)
        _check("max_memory", max_memory, 2**63 - 1)
        _check("max_output", max_output, 2**63 - 1)
        self._node = Node(
            host=host, port=port, namespaces=[_namespace(n) for n in namespaces], name=name,
            cluster_name=cluster_name, allow_remote=allow_remote, max_memory=max_memory,
            max_connections=max_connections, batch_max_requests=batch_max_requests, max_output=max_output,
            threads=threads,
        )  # fmt: skip

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
        return {"hosts": [(self.host, self.port)]}

    def client(self, config: dict[str, Any] | None = None) -> Client:
        """A client of this node, not yet connected; ``config`` adds further keys."""
        from ._client import Client

        return Client({**self.config(), **(config or {})})

    def stats(self) -> dict[str, int]:
        """Counters: objects, memory, connections, requests, batch_rows, ..."""
        return self._node.stats()

    def stop(self) -> None:
        """Stops serving and frees the data; harmless twice."""
        self._node.stop()

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


def _check(name: str, value: int, high: int) -> None:
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= high:
        from .exception import InvalidArgError

        raise InvalidArgError(f"{name} must be an integer from 0 to {high}, not {value!r}")


def _namespace(spec: str | dict[str, Any]) -> tuple[str, int, int, int]:
    if isinstance(spec, str):
        spec = {"name": spec}
    unknown = set(spec) - {"name", "default_ttl", "nsup_period", "max_record_size"}
    if unknown or "name" not in spec:
        from .exception import InvalidArgError

        raise InvalidArgError(
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
