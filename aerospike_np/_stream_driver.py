"""Streams under way: several chunks at once, their results in order, and what is known of the rest at the end."""

from __future__ import annotations

import asyncio
import math
import time
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Iterator
from typing import Any, Generic, TypeVar

from ._results import BatchWriteResult
from ._streams import Plan

_T = TypeVar("_T")


class _Chunk:
    """One chunk: its work, and what that came to."""

    def __init__(self, work: Any = None, failure: Exception | None = None) -> None:
        self.work = work  # None: the source failed where this chunk would have come
        self.value: Any = None
        self.failure: BaseException | None = failure
        self.is_done = failure is not None

    def result(self) -> Any:
        if self.failure is not None:
            raise self.failure
        return self.value

    def left(self) -> Any:
        """What is known of it where nobody got its result; None: nothing of it was sent."""
        if self.value is not None:
            return self.value
        partial = getattr(self.failure, "partial", None)
        if partial is None and hasattr(self.work, "left"):
            return self.work.left()
        return partial


def _leave(plan: Plan, error: BaseException, chunks: Iterable[_Chunk]) -> None:
    """The stream ends with these chunks begun and not given."""
    left = plan.unyielded
    left[:] = [chunk.left() for chunk in chunks if chunk.work is not None]
    if left and left[0] is not None and getattr(error, "partial", None) is None:
        writes = [result for result in left if isinstance(result, BatchWriteResult)]
        error.partial = left[0]  # type: ignore[attr-defined]
        error.in_doubt = any(result.in_doubt.any() for result in writes)  # type: ignore[attr-defined]


# ---- for threads ----


class _Job(_Chunk):
    """A chunk that a waker drives: takes the place of a future."""

    _generator: Any = None
    _request: Any = None
    _patience = math.inf  # when it has waited too long for its turn

    def begin(self, waker: Any) -> None:
        self._waker = waker
        if self.work.steps is None:
            self._submit(self.work)
        else:
            self._generator = self.work.steps()
            self._next(lambda: self._generator.send(None))

    def cancel(self) -> None:
        if self._request is not None:
            self._request.cancel()

    def _submit(self, request: Any) -> None:
        self._request = request
        request.await_cluster()
        is_in = self._waker.submit(request, self)
        limit = math.inf if is_in else request.queue_seconds or math.inf
        self._patience = time.monotonic() + limit

    def look(self) -> None:
        """Now and then: whether it has waited too long for its turn."""
        if time.monotonic() >= self._patience:
            self._patience = math.inf
            self._request.give_up()

    def _next(self, step: Callable[[], Any]) -> None:
        try:
            self._submit(step())
        except StopIteration as end:
            self.value, self.is_done = end.value, True
        except Exception as error:
            self.failure, self.is_done = error, True

    def done(self) -> bool:
        return self.is_done

    def set_result(self, value: Any) -> None:
        if self._generator is None:
            self.value, self.is_done = value, True
        else:
            self._next(lambda: self._generator.send(value))

    def set_exception(self, error: BaseException) -> None:
        if self._generator is None or not isinstance(error, Exception):
            self.failure, self.is_done = error, True
        else:
            self._next(lambda: self._generator.throw(error))


def _end(waker: Any, jobs: Iterable[_Job]) -> BaseException | None:
    """Sees what is under way to its end, which is soon; returns the Ctrl-C that came meanwhile."""
    interrupt = None
    for job in jobs:
        job.cancel()
    while waker.under_way():
        try:
            waker.wait(0.1)
            waker.drain()
        except BaseException as error:
            interrupt = error
    return interrupt


def run(plan: Plan) -> Iterator[Any]:
    """The results in order, driven while the calling thread waits for them, and between."""
    from ._engine import Waker

    waker = Waker()
    works = plan.works()
    jobs: deque[_Job] = deque()
    # Ctrl-C may come between any two lines: a job stands in `jobs` before it begins and after its result was given.
    given: _Job | None = None

    def fill(n: int) -> None:
        while len(jobs) < n and not plan.is_stopped:
            try:
                work = next(works, None)
            except Exception as error:
                jobs.append(_Job(failure=error))
                continue
            if work is None:
                return
            jobs.append(_Job(work))
            jobs[-1].begin(waker)

    try:
        plan.open()
        fill(plan.in_flight)
        while jobs:
            while not jobs[0].is_done:
                waker.wait(0.1)
                waker.drain()
                for job in jobs:
                    job.look()
            result = jobs[0].result()
            fill(plan.in_flight + 1)  # these are under way while the caller looks at the result
            plan.count(result)
            given = jobs[0]
            yield result
            jobs.popleft()
    except BaseException as error:
        interrupt = _end(waker, jobs)
        _leave(plan, interrupt or error, (job for job in jobs if job is not given))
        if interrupt is not None:
            raise interrupt from error
        raise
    finally:
        plan.close()


class Stream(Iterator[_T], Generic[_T]):
    """The results of a stream, in order.

    Attributes
    ----------
    unyielded : list
        When the stream ended early: what became of the chunks that were under way, in order, a result each;
        None: nothing of it was sent.
    """

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self.unyielded: list[_T | None] = plan.unyielded
        self._results: Any = run(plan)

    def __iter__(self) -> Iterator[_T]:
        return self._results  # type: ignore[no-any-return]  # no frame of ours, in which Ctrl-C would lose a result

    def __next__(self) -> _T:
        return next(self._results)  # type: ignore[no-any-return]

    def stop(self) -> None:
        """Begins no more chunks; those under way are still given."""
        self._plan.is_stopped = True

    def close(self) -> None:
        """Ends what is under way, which is then in ``unyielded``."""
        self._results.close()


# ---- for event loops ----


async def _fulfil(chunk: _Chunk, await_work: Callable[[Any], Awaitable[Any]]) -> None:
    try:
        chunk.value = await await_work(chunk.work)
    except BaseException as error:
        chunk.failure = error
    chunk.is_done = True


async def _end_async(tasks: Iterable[asyncio.Task[None]]) -> BaseException | None:
    interrupt = None
    for task in tasks:
        task.cancel()
    while pending := [task for task in tasks if not task.done()]:
        try:
            await asyncio.wait(pending)
        except asyncio.CancelledError as error:
            interrupt = error
    return interrupt


async def run_async(
    plan: Plan, begin: Callable[[], Awaitable[Callable[[Any], Awaitable[Any]]]]
) -> AsyncIterator[Any]:
    """The same for an event loop: a task a chunk."""
    await_work = await begin()
    works = plan.works_async()
    chunks: deque[_Chunk] = deque()
    tasks: deque[asyncio.Task[None]] = deque()

    async def fill(n: int) -> None:
        while len(chunks) < n and not plan.is_stopped:
            try:
                work = await anext(works, None)
            except Exception as error:
                chunks.append(_Chunk(failure=error))
                continue
            if work is None:
                return
            chunks.append(_Chunk(work))
            tasks.append(asyncio.ensure_future(_fulfil(chunks[-1], await_work)))

    try:
        plan.open()
        await fill(plan.in_flight)
        while chunks:
            if not chunks[0].is_done:
                await asyncio.wait((tasks[0],))
            result = chunks[0].result()
            await fill(plan.in_flight + 1)
            plan.count(result)
            chunks.popleft()
            tasks.popleft()
            yield result
    except BaseException as error:
        interrupt = await _end_async(tasks)
        _leave(plan, interrupt or error, chunks)
        if interrupt is not None:
            raise interrupt from error
        raise
    finally:
        await works.aclose()  # type: ignore[attr-defined]
        plan.close()


class AsyncStream(AsyncIterator[_T], Generic[_T]):
    """The results of a stream, in order, for ``async for``.

    Attributes
    ----------
    unyielded : list
        As of :class:`Stream`.
    """

    def __init__(self, plan: Plan, results: AsyncIterator[_T]) -> None:
        self._plan = plan
        self.unyielded: list[_T | None] = plan.unyielded
        self._results: Any = results

    def __aiter__(self) -> AsyncIterator[_T]:
        return self._results  # type: ignore[no-any-return]

    async def __anext__(self) -> _T:
        return await anext(self._results)

    def stop(self) -> None:
        """Begins no more chunks; those under way are still given."""
        self._plan.is_stopped = True

    async def aclose(self) -> None:
        """Ends what is under way, which is then in ``unyielded``."""
        await self._results.aclose()
