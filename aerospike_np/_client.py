"""The clients: the operations, driven by the calling thread. What both clients share stands in Shared."""

from __future__ import annotations

import functools
import time
from collections.abc import Callable
from typing import Any

from ._async_client import AsyncClient
from ._operations import OPERATIONS, made, named
from ._plain import Plain, refuse_login
from ._stream_driver import Stream
from ._streams import Streams


def _run_steps(core: Any, generator: Any) -> Any:
    """Each request that a plan of several yields, to the end; a number of seconds is a pause."""
    answer: Any = None
    failure: BaseException | None = None
    while True:
        try:
            request = generator.throw(failure) if failure is not None else generator.send(answer)
        except StopIteration as end:
            return end.value
        answer, failure = None, None
        try:
            answer = time.sleep(request) if isinstance(request, float) else core.run(request)
        except Exception as error:
            failure = error


def _driven(operation: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(operation)
    def method(self: Client, *args: Any, **kwargs: Any) -> Any:
        work = operation(self, *args, **kwargs)
        if work.steps is None:
            return self._core.run(work)
        return _run_steps(self._core, work.steps())

    return method


class Client(Plain):
    """A client of one cluster, for any number of threads.

    It connects when ``connect()`` is called, when a ``with`` block begins, or with the first call.

    Parameters
    ----------
    config : dict
        ``{"hosts": [(host, port), ...]}`` and further keys; docs/configuration.md lists them.

    Raises
    ------
    InvalidArgError
        A key or value that is not known; the message names it.

    Examples
    --------
    >>> import aerospike_np
    >>> with aerospike_np.client(node.config()) as c:
    ...     c.put(("test", "demo", 1), {"a": 1})
    ...     c.get(("test", "demo", 1)).bins
    {'a': 1}
    """

    _do = _driven(made)

    @property
    def aio(self) -> AsyncClient:
        """The same client for asyncio: one cluster, one set of connections, one close."""
        return self._other_face(AsyncClient)  # type: ignore[no-any-return]

    def connect(self, username: str | None = None, password: str | None = None) -> Client:
        """Connects, where that was not done; returns the client.

        Raises
        ------
        ClusterError
            No seed answers, or the cluster has another name; the message lists each seed's reason.
        """
        refuse_login(username, password)
        self._core.connect()
        return self

    def close(self, drain: float = 0) -> None:
        """Closes connections and stops the tend thread; harmless twice. ``connect()`` opens again.

        Parameters
        ----------
        drain : float
            Seconds that operations under way (of other threads and event loops) get to end; new ones are
            refused meanwhile. What is then not done fails.
        """
        self._core.close(drain)
        self._leave_loops()

    def __enter__(self) -> Client:
        self._core.connect()
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.close()


for _name, _operation in OPERATIONS.items():
    setattr(Client, _name, _driven(named(_operation, Client)))


def _streamed(operation: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(operation)
    def method(self: Client, *args: Any, **kwargs: Any) -> Any:
        return Stream(operation(self, *args, **kwargs))

    return method


for _name, _operation in vars(Streams).items():
    if not _name.startswith("_"):
        setattr(Client, _name, _streamed(named(_operation, Client)))
