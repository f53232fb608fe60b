"""progress=: a bar is drawn, ends at n and is closed whatever happens; a callable gets counts."""

from __future__ import annotations

import asyncio
import contextlib
import gc
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

from aerospike_np import AsyncClient, exception
from aerospike_np.local import LocalNode

tqdm = pytest.importorskip("tqdm.auto", reason="tqdm is not installed: pip install tqdm").tqdm
pytestmark = pytest.mark.needs_embedded("a node that it can freeze")

N = 12_000
DTYPE = [("a", "i8")]
WHERE: Any = {"namespace": "test", "set_name": "p"}


def data(n: int = N) -> Any:
    rows = np.zeros(n, [("_key", "i8"), ("a", "i8")])
    rows["_key"] = np.arange(n)
    return rows


def rows(n: int = N) -> list[Any]:
    return [(("test", "p", i), {"a": i}) for i in range(n)]


Call = Callable[[Any, Any, Any], Any]
CALLS: dict[str, Call] = {
    "batch_read": lambda c, progress, policy: c.batch_read(
        np.arange(N), _dtype=DTYPE, progress=progress, policy=policy, **WHERE
    ),
    "batch_read, records": lambda c, progress, policy: c.batch_read(
        np.arange(N), progress=progress, policy=policy, **WHERE
    ),
    "batch_write_numpy": lambda c, progress, policy: c.batch_write_numpy(
        data(), "test", "p", progress=progress, policy=policy
    ),
    "read_stream": lambda c, progress, policy: c.read_stream(
        np.arange(N), DTYPE, 1000, progress=progress, policy=policy, **WHERE
    ),
    "write_stream, rows": lambda c, progress, policy: c.write_stream(
        rows(), chunk=1000, progress=progress, policy=policy
    ),
    "write_stream, arrays": lambda c, progress, policy: c.write_stream(
        [data()[:7000], data()[7000:]], "test", "p", progress=progress, policy=policy
    ),
}


@pytest.fixture
def node() -> Iterator[LocalNode]:
    with LocalNode() as node, node.client() as client:
        client.batch_write_numpy(data(), "test", "p")
        client.close()
        yield node


@pytest.fixture
def bars(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """All that were drawn."""
    made: list[Any] = []

    class Bar(tqdm):  # type: ignore[misc, valid-type]
        closed = False

        def __init__(self, *args: Any, **more: Any) -> None:
            super().__init__(*args, **more)
            made.append(self)

        def close(self) -> None:
            self.closed = True
            super().close()

    monkeypatch.setattr("tqdm.auto.tqdm", Bar)
    return made


def thawed(node: LocalNode) -> None:
    with contextlib.suppress(exception.InvalidArgError):  # it was not frozen
        node.thaw()


@pytest.fixture(params=["sync", "async"])
def end(request: pytest.FixtureRequest, node: LocalNode) -> Callable[..., Any]:
    """Sees a call, or so many chunks of a stream, to its end, with either client, which is of use still."""

    def sync(call: Call, progress: Any, policy: Any = None, limit: int = 10**9) -> None:
        with node.client() as client:
            client.get(("test", "p", 1))
            try:
                stream = call(client, progress, policy)
                if hasattr(stream, "__next__"):
                    for k, _ in enumerate(stream, 1):
                        if k == limit:
                            break
                    stream.close()
            finally:
                thawed(node)
                assert client.get(("test", "p", 1)).bins["a"] in (0, 1)

    async def other(call: Call, progress: Any, policy: Any, limit: int) -> None:
        async with AsyncClient(node.config()) as client:
            await client.get(("test", "p", 1))
            try:
                stream = call(client, progress, policy)
                if not hasattr(stream, "__anext__"):
                    await stream
                    return
                k = 0
                async for _ in stream:
                    k += 1
                    if k == limit:
                        break
                await stream.aclose()
            finally:
                thawed(node)
                assert (await client.get(("test", "p", 1))).bins["a"] in (0, 1)

    def both(call: Call, progress: Any, policy: Any = None, limit: int = 10**9) -> None:
        if request.param == "sync":
            sync(call, progress, policy, limit)
        else:
            asyncio.run(asyncio.wait_for(other(call, progress, policy, limit), 60))

    return both


@pytest.mark.parametrize("name", CALLS)
def test_bar_is_drawn_ends_at_n_and_is_closed(
    end: Callable[..., Any], bars: list[Any], capsys: pytest.CaptureFixture[str], name: str
) -> None:
    end(CALLS[name], True)
    assert [(bar.n, bar.total, bar.closed) for bar in bars] == [(N, N, True)]
    assert "12.0k/12.0k" in capsys.readouterr().err


@pytest.mark.parametrize("name", CALLS)
def test_bar_is_closed_where_the_call_fails(
    node: LocalNode, end: Callable[..., Any], bars: list[Any], name: str
) -> None:
    def frozen(client: Any, progress: Any, policy: Any) -> Any:
        node.freeze()
        return CALLS[name](client, progress, policy)

    with pytest.raises(exception.AerospikeTimeoutError):
        end(frozen, True, {"total_timeout": 250})
    assert [(bar.total, bar.closed) for bar in bars] == [(N, True)]


@pytest.mark.parametrize("name", [name for name in CALLS if "stream" in name])
def test_bar_of_a_stream_that_is_left_is_closed(
    end: Callable[..., Any], bars: list[Any], name: str
) -> None:
    end(CALLS[name], True, limit=1)
    assert [(bar.total, bar.closed) for bar in bars] == [(N, True)] and 0 < bars[0].n < N


def test_bar_of_a_cancelled_call_is_closed(node: LocalNode, bars: list[Any]) -> None:
    async def main() -> None:
        async with AsyncClient(node.config()) as client:
            for name in CALLS:
                await client.get(("test", "p", 1))

                async def all_of_it(call: Call = CALLS[name]) -> None:
                    work = call(client, True, {"total_timeout": 60_000})
                    if not hasattr(work, "__anext__"):
                        await work
                        return
                    async for _ in work:
                        pass

                node.freeze()
                bars.clear()
                task = asyncio.ensure_future(all_of_it())
                while not bars:
                    await asyncio.sleep(0.002)
                task.cancel()
                with pytest.raises(asyncio.CancelledError):
                    await task
                assert [bar.closed for bar in bars] == [True], name
                node.thaw()

    asyncio.run(asyncio.wait_for(main(), 60))


def test_bar_is_not_drawn_by_a_stream_that_was_never_begun_or_by_bad_arguments(
    node: LocalNode, bars: list[Any]
) -> None:
    with node.client() as client:
        client.read_stream(np.arange(N), DTYPE, progress=True, **WHERE)
        with pytest.raises(exception.InvalidArgError):
            client.batch_read(
                np.arange(N), _dtype=[("a", "i8")], layout="x", progress=True, **WHERE
            )  # type: ignore
        gc.collect()
    assert bars == []


@pytest.mark.parametrize("name", CALLS)
def test_callable_gets_counts_that_grow_and_end_at_n(end: Callable[..., Any], name: str) -> None:
    seen: list[tuple[int, int]] = []
    end(CALLS[name], lambda done, total: seen.append((done, total)))
    assert seen[-1] == (N, N) and {total for _, total in seen} == {N}
    assert [done for done, _ in seen] == sorted(done for done, _ in seen)


def test_total_of_a_source_of_unknown_length_is_what_is_done(end: Callable[..., Any]) -> None:
    seen: list[tuple[int, int]] = []
    end(
        lambda c, progress, policy: c.write_stream(iter(rows(25)), chunk=10, progress=progress),
        lambda done, total: seen.append((done, total)),
    )
    assert seen == [(10, 10), (20, 20), (25, 25)]


@pytest.mark.parametrize("name", CALLS)
def test_exception_of_the_callable_comes_out_and_leaves_the_client_of_use(
    end: Callable[..., Any], name: str
) -> None:
    class Enough(Exception):
        pass

    def progress(done: int, total: int) -> None:
        raise Enough

    with pytest.raises(Enough):
        end(CALLS[name], progress)
