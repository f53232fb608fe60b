"""Where AEROSPIKE_HOST is set, tests run against that cluster; what it can't be asked for is skipped by name."""

from __future__ import annotations

import asyncio
import functools
import threading
from collections.abc import Callable, Coroutine, Iterator
from typing import Any

import pytest
from event_loops import NewLoop
from server import server

from aerospike_np import Client, NumpyBatchRecords
from aerospike_np._operations import OPERATIONS
from aerospike_np._streams import Streams
from aerospike_np.pytest_plugin import outside_cluster


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line(
        "markers",
        "needs_embedded(what): the test makes nodes of its own; skipped where AEROSPIKE_HOST is set.",
    )
    config.addinivalue_line("markers", "sets(*names): those that a module's tests write to.")
    config.addinivalue_line(
        "markers", "only_sync(why): of the calling thread; skipped with --driver async."
    )


def pytest_runtest_setup(item: pytest.Item) -> None:
    mark = item.get_closest_marker("needs_embedded")
    if mark is not None and outside_cluster() is not None:
        pytest.skip(f"needs {mark.args[0]}: unset AEROSPIKE_HOST")
    mark = item.get_closest_marker("only_sync")
    if mark is not None and item.config.getoption("--driver") == "async":
        pytest.skip(f"{mark.args[0]}: leave out --driver async")


@pytest.fixture(scope="module")
def node(request: pytest.FixtureRequest) -> Iterator[Any]:
    """What a module's tests talk to, when they don't make their own; its sets are empty at first."""
    mark = request.node.get_closest_marker("sets")
    with server(*(mark.args if mark is not None else ())) as node:
        yield node


@pytest.fixture(scope="module")
def client(node: Any) -> Iterator[Client]:
    # No tend round comes between two looks at the node's counters.
    with node.client({"tend_interval": 600_000}) as client:
        yield client


@pytest.fixture(params=["asyncio", "uvloop"])
def new_loop(request: pytest.FixtureRequest) -> NewLoop:
    """Makes event loops of both kinds: for what is between a client and its loop."""
    if request.param == "asyncio":
        return asyncio.new_event_loop
    module = pytest.importorskip("uvloop", reason="uvloop is not installed: pip install uvloop")
    factory: NewLoop = module.new_event_loop
    return factory


# ---- one source for both clients: `--driver async` ----


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--driver",
        choices=["sync", "async"],
        default="sync",
        help="async: every operation of Client is awaited on an event loop by its AsyncClient (client.aio)",
    )


class _EventLoop:
    """An event loop in a thread of its own, for callers that can't await."""

    def __init__(self) -> None:
        self.loop = asyncio.new_event_loop()
        self.thread = threading.Thread(target=self.loop.run_forever, name="event loop", daemon=True)
        self.thread.start()

    def run(self, coroutine: Coroutine[Any, Any, Any]) -> Any:
        future = asyncio.run_coroutine_threadsafe(coroutine, self.loop)
        try:
            return future.result()
        except BaseException:
            future.cancel()
            raise

    def stop(self) -> None:
        self.loop.call_soon_threadsafe(self.loop.stop)
        self.thread.join()
        self.loop.close()


class _Stream:
    """An AsyncStream for callers that can't await."""

    def __init__(self, loop: _EventLoop, results: Any) -> None:
        self.results, self.unyielded = _given(loop, results), results.unyielded
        self.stop, self.close = results.stop, self.results.close

    def __iter__(self) -> Iterator[Any]:
        return self.results

    def __next__(self) -> Any:
        return next(self.results)


def _given(loop: _EventLoop, results: Any) -> Iterator[Any]:
    try:
        while True:
            yield loop.run(anext(results))
    except StopAsyncIteration:
        return
    finally:
        loop.run(results.aclose())


@pytest.fixture(scope="session", autouse=True)
def driver(request: pytest.FixtureRequest) -> Iterator[str]:
    """Which driver the operations of Client have in this run."""
    name: str = request.config.getoption("--driver")
    if name == "sync":
        yield name
        return
    loop = _EventLoop()
    patch = pytest.MonkeyPatch()

    def awaited(operation: str) -> Callable[..., Any]:
        @functools.wraps(getattr(Client, operation))
        def method(self: Client, *args: Any, **kwargs: Any) -> Any:
            return loop.run(getattr(self.aio, operation)(*args, **kwargs))

        return method

    def streamed(operation: str) -> Callable[..., Any]:
        @functools.wraps(getattr(Client, operation))
        def method(self: Client, *args: Any, **kwargs: Any) -> Any:
            return _Stream(loop, getattr(self.aio, operation)(*args, **kwargs))

        return method

    for source, wrap in ((OPERATIONS, awaited), (vars(Streams), streamed)):
        for operation in [name for name in source if not name.startswith("_")]:
            patch.setattr(Client, operation, wrap(operation))
    patch.setattr(Client, "_do", awaited("_do"))
    refresh = NumpyBatchRecords.refresh

    def refreshed(found: NumpyBatchRecords) -> Any:
        work = refresh(found)
        return loop.run(work) if asyncio.iscoroutine(work) else work

    patch.setattr(NumpyBatchRecords, "refresh", refreshed)
    try:
        yield name
    finally:
        patch.undo()
        loop.stop()
