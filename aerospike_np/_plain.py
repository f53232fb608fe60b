"""What both clients have that asks no server."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from . import _state
from ._reader import Reader

if TYPE_CHECKING:
    from ._engine import Core
    from .types import ClusterStats, Health


def refuse_login(username: str | None, password: str | None) -> None:
    """What ``connect`` says to those who bring a name."""
    if username is not None or password is not None:
        from .exception import InvalidArgError

        raise InvalidArgError(
            "connect: authentication is not built yet; leave username and password out"
        )


class Plain:
    """The methods that ask nobody, and are the same on both clients."""

    _core: Core
    _do: Callable[..., Any]
    _twin: Any = None  # the other face, once it was asked for
    _is_first = True  # the other face was made from this one, if there is one

    def __init__(self, config: dict[str, Any]) -> None:
        from ._engine import Core

        self._take(Core(config))

    def _take(self, core: Core) -> None:
        """Begins, with a core of its own or the other face's."""
        self._core = core
        self._plans: dict[Any, Any] = {}  # of reads into arrays, see _tables

    def _other_face(self, other: type[Plain]) -> Any:
        """The other client of the same cluster, its pools and its close."""
        if self._twin is None:
            twin = other.__new__(other)
            twin._take(self._core)
            twin._twin, twin._is_first = self, False
            if self.__dict__.setdefault("_twin", twin) is not twin:  # another thread was first
                del twin._core, twin._twin
        return self._twin

    def _leave_loops(self) -> None:
        """What event loops keep of this client, they forget."""
        if self._twin is not None:
            self._twin._leave_loops()

    def __del__(self) -> None:
        core = getattr(self, "_core", None)
        if core is None:
            return
        if self._is_first and core.is_open():
            warnings.warn(
                f"{self!r} was dropped without close()", ResourceWarning, stacklevel=2, source=self
            )
        self._leave_loops()

    def is_connected(self) -> bool:
        """Whether the client is open and knows a node. No I/O."""
        return self._core.is_connected()

    def get_expression_base64(self, expression: Any) -> str:
        """The bytes of an expression as base64 text. No I/O.

        Examples
        --------
        >>> from aerospike_np import exp
        >>> client.get_expression_base64(exp.key_exists())
        'kUc='
        """
        from .exception import InvalidArgError
        from .expressions import Expression

        if not isinstance(expression, Expression):
            raise InvalidArgError(f"an expression is needed, not {expression!r}")
        return expression.to_base64()

    def get_cdtctx_base64(self, ctx: Any) -> str:
        """The bytes of a context, a list of steps of ``helpers.cdt_ctx``, as base64 text. No I/O."""
        from ._calls import context_base64

        return context_base64(ctx)

    def get_node_names(self) -> list[str]:
        """Names of the nodes, as far as they are known now. No I/O once connected."""
        return [name for name, _ in self._core.nodes()]

    def get_nodes(self) -> list[tuple[str, int]]:
        """``(host, port)`` of the nodes, as far as they are known now. No I/O once connected."""
        return [_state.host_and_port(address) for _, address in self._core.nodes()]

    def get_stats(self) -> ClusterStats:
        """Figures of this client: its nodes and their connections, retries, rounds. No I/O.

        Before the client is connected, and after it was closed, there are no nodes, and all is 0.

        Examples
        --------
        >>> client.put(("test", "demo", "s"), {"a": 1})
        >>> stats = client.get_stats()
        >>> len(stats.nodes), stats.nodes[0].conns.in_use, stats.retry_count
        (1, 0, 0)
        """
        return _state.stats(self._core)

    def health_check(self) -> Health:
        """Whether the nodes answer, and all partitions have an owner, as far as is known now. No I/O.

        The client looks at each node once in a ``tend_interval``; this tells what it found. It does not
        raise: a client that is not connected says so.

        Examples
        --------
        >>> client.put(("test", "demo", "h"), {"a": 1})
        >>> health = client.health_check()
        >>> health.is_healthy, len(health.nodes), health.messages
        (True, 1, ())
        """
        return _state.health(self._core)

    def get_key_partition_id(self, namespace: str, set_name: str | None, key: Any) -> int:
        """The partition (0 to 4095) of a key. No I/O.

        Examples
        --------
        >>> client.get_key_partition_id("test", "demo", "k1")
        1975
        """
        from ._engine import calc_digest

        digest = calc_digest(namespace, set_name, key)
        return (digest[0] | digest[1] << 8) & 0xFFF

    def reader(
        self,
        _dtype: Any,
        namespace: str,
        set_name: str | None,
        bins: Any = None,
        policy: Any = None,
        *,
        layout: Any = "rows",
        errors: Any = "raise",
        fill: Any = None,
        compute: Any = None,
    ) -> Reader[Any]:
        """Prepares batch reads of the same fields from one set, for many small reads. No I/O.

        Parameters
        ----------
        _dtype, bins, policy, layout, errors, fill, compute
            As in :meth:`batch_read`.
        namespace, set_name : str
            Where the records are.

        Returns
        -------
        Reader
            ``reader.read(keys, out=None)``, or ``reader(keys)``, reads. It is for any number of threads or
            tasks, and as long as the client is open.

        Raises
        ------
        InvalidArgError, TypeError
            A field, a bin or an option that can't be right.

        Examples
        --------
        >>> import numpy as np
        >>> client.put(("test", "demo", 7), {"temp": 19.5})
        >>> reader = client.reader([("temp", "f8")], "test", "demo")
        >>> reader.read(np.array([7, 8]))["temp"].tolist()
        [19.5, 0.0]
        """
        return Reader(self, _dtype, namespace, set_name, bins, policy, layout, errors, fill, compute)

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self._core.config,)

    def __repr__(self) -> str:
        core = getattr(self, "_core", None)
        hosts = (
            ", ".join(f"{host}:{port}" for host, port in core.hosts)
            if core is not None
            else "no hosts"
        )
        return f"<aerospike_np.{type(self).__name__} {hosts}>"
