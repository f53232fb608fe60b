"""The asyncio client: the operations, driven by the engine's I/O threads."""

from __future__ import annotations

import asyncio
import functools
import os
import sys
import weakref
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any

from ._operations import OPERATIONS, made, named
from ._plain import Plain, refuse_login
from ._stream_driver import AsyncStream, run_async
from ._streams import Streams

if TYPE_CHECKING:
    from ._client import Client

_WATCH_SECONDS = 0.1


async def _end(request: Any, future: asyncio.Future[Any], error: BaseException) -> None:
    """Sees a request to its end, which is soon; the error says what it came to, or what there is of it."""
    loop = asyncio.get_running_loop()
    while not request.is_over:
        request.cancel()
        waiter = loop.create_future()
        request.expect(waiter)
        try:
            await waiter
        except asyncio.CancelledError:  # asked twice: its memory must not be written to any more
            continue
    partial, in_doubt = None, request.is_write
    try:
        is_told = future.done() and not future.cancelled()
        partial = future.result() if is_told else request.result()
    except Exception as failure:
        partial, in_doubt = getattr(failure, "partial", None), getattr(failure, "in_doubt", False)
    error.partial, error.in_doubt = partial, in_doubt  # type: ignore[attr-defined]


async def _watched(request: Any, future: asyncio.Future[Any]) -> Any:
    """The result. Now and then the loop has its turn, and progress is shown."""
    while not future.done():
        await asyncio.wait((future,), timeout=_WATCH_SECONDS)
        if request.has_progress:
            request.show()
    return await future


def _ring(heard: asyncio.Future[None]) -> None:
    if not heard.done():
        heard.set_result(None)


async def _until_over(errand: Any) -> None:
    """Sees an errand of the engine to its end. None: there is nothing to do."""
    loop = asyncio.get_running_loop()
    while errand is not None and not errand.look():
        heard = loop.create_future()
        timer = loop.call_later(errand.seconds(), _ring, heard)
        loop.add_reader(errand.fileno(), _ring, heard)
        try:
            await heard
        finally:
            loop.remove_reader(errand.fileno())
            timer.cancel()


async def _first_map(request: Any) -> None:
    """Where connect() doesn't raise, the cluster may not be found yet: waits, as long as the call may take."""
    loop = asyncio.get_running_loop()
    begin = loop.time()
    await _until_over(request.finding())
    request.spend(loop.time() - begin)


async def _run(waker: Any, request: Any) -> Any:
    loop = asyncio.get_running_loop()
    if request.lacks_map:
        await _first_map(request)
    # In a Jupyter kernel: what its interrupt button asks of the loop does not wake it.
    is_watched = request.has_progress or "ipykernel" in sys.modules
    future = loop.create_future() if is_watched else waker.reply(loop)
    limit = None
    if not waker.submit(request, future) and request.queue_seconds:
        limit = loop.call_later(request.queue_seconds, request.give_up)
    try:
        return await (_watched(request, future) if is_watched else future)
    except GeneratorExit:  # dropped, with its event loop: there is nothing to wait on
        request.cancel()
        raise
    except BaseException as error:
        # Its own failure; or it was cancelled, or the progress callable raised: it is ended first.
        if not future.done() or future.cancelled() or future.exception() is not error:
            await _end(request, future, error)
        raise
    finally:
        if limit is not None:
            limit.cancel()


async def _run_steps(waker: Any, generator: Any) -> Any:
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
            if isinstance(request, float):
                await asyncio.sleep(request)
            else:
                answer = await _run(waker, request)
        except asyncio.CancelledError as error:
            part = getattr(error, "partial", None)
            if not isinstance(part, tuple):
                raise
            answer = (part[0], error)  # the plan leaves with it, and with what there is as partial
        except Exception as error:
            failure = error


def _retire(loop: asyncio.AbstractEventLoop, waker: Any) -> None:
    """On its loop: the loop forgets a waker, once what is under way has ended."""
    if waker.under_way():
        loop.call_later(0.02, _retire, loop, waker)
    else:
        loop.remove_reader(waker.fileno())


def _awaited(operation: Callable[..., Any]) -> Callable[..., Awaitable[Any]]:
    @functools.wraps(operation)
    async def method(self: AsyncClient, *args: Any, **kwargs: Any) -> Any:
        waker = self._wakers.get(asyncio.get_running_loop())
        if waker is None or not self._core.is_open():
            waker = await self._ready()
        return await self._await(waker, operation(self, *args, **kwargs))

    return method


_clients: weakref.WeakSet[AsyncClient] = weakref.WeakSet()


def _after_fork() -> None:
    """In the child: the wakers are the parent's, as its event loops are."""
    for client in list(_clients):
        client._wakers = {}


os.register_at_fork(after_in_child=_after_fork)


class AsyncClient(Plain):
    """A client of one cluster for asyncio: the methods of :class:`Client`, to be awaited.

    It may be used by several event loops at once, each in a thread of its own. It connects when
    ``connect()`` is awaited, when an ``async with`` block begins, or with the first call.

    Parameters
    ----------
    config : dict
        As for :class:`Client`.

    Examples
    --------
    >>> import asyncio, aerospike_np
    >>> async def main():
    ...     async with aerospike_np.AsyncClient(node.config()) as c:
    ...         await c.put(("test", "demo", 1), {"a": 1})
    ...         return (await c.get(("test", "demo", 1))).bins
    >>> asyncio.run(main())
    {'a': 1}
    """

    _wakers: dict[asyncio.AbstractEventLoop, Any]
    _do = _awaited(made)

    def _take(self, core: Any) -> None:
        super()._take(core)
        self._wakers = {}
        _clients.add(self)

    def _leave_loops(self) -> None:
        """No loop keeps a waker of this client. Any thread."""
        for loop in list(self._wakers):
            waker = self._wakers.pop(loop, None)
            if waker is None:  # another thread has it
                continue
            try:
                loop.call_soon_threadsafe(_retire, loop, waker)
            except RuntimeError:  # it is closed
                waker.abandon()

    @property
    def sync(self) -> Client:
        """The same client for threads: one cluster, one set of connections, one close."""
        from ._client import Client

        return self._other_face(Client)  # type: ignore[no-any-return]

    async def _await(self, waker: Any, work: Any) -> Any:
        if work.steps is None:
            return await _run(waker, work)
        return await _run_steps(waker, work.steps())

    async def _awaiter(self) -> Callable[[Any], Awaitable[Any]]:
        return functools.partial(self._await, await self._ready())

    async def _ready(self) -> Any:
        """Connected, where nobody closed it; the waker of this loop."""
        if not self._core.is_open() and not self._core.is_closed():
            await self.connect()
        loop = asyncio.get_running_loop()
        waker = self._wakers.get(loop)
        if waker is None:
            from ._engine import Waker

            for other in list(self._wakers):
                left = self._wakers.pop(other, None) if other.is_closed() else None
                if left is not None:
                    left.abandon()
            waker = Waker()
            loop.add_reader(waker.fileno(), waker.drain)
            self._wakers[loop] = waker
        return waker

    async def connect(
        self, username: str | None = None, password: str | None = None
    ) -> AsyncClient:
        """Connects, where that was not done; returns the client.

        Raises
        ------
        ClusterError
            No seed answers, or the cluster has another name; the message lists each seed's reason.
        """
        refuse_login(username, password)
        await _until_over(self._core.connecting())
        return self

    async def close(self, drain: float = 0) -> None:
        """Closes connections and stops the tend thread; harmless twice. ``connect()`` opens again.

        Parameters
        ----------
        drain : float
            Seconds that operations under way (of other tasks, event loops and threads) get to end; new ones
            are refused meanwhile. What is then not done fails.
        """
        await _until_over(self._core.closing(drain))
        mine = self._wakers.get(asyncio.get_running_loop())
        self._leave_loops()
        while mine is not None and mine.under_way():  # they end now, each with its own error
            await asyncio.sleep(0.001)

    async def __aenter__(self) -> AsyncClient:
        await self.connect()
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        await self.close()


for _name, _operation in OPERATIONS.items():
    setattr(AsyncClient, _name, _awaited(named(_operation, AsyncClient)))


def _streamed(operation: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(operation)
    def method(self: AsyncClient, *args: Any, **kwargs: Any) -> Any:
        plan = operation(self, *args, **kwargs)
        return AsyncStream(plan, run_async(plan, self._awaiter))

    return method


for _name, _operation in vars(Streams).items():
    if not _name.startswith("_"):
        setattr(AsyncClient, _name, _streamed(named(_operation, AsyncClient)))
