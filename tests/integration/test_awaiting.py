"""What a task awaits: it goes on where the engine's word is heard, as any other task does."""

from __future__ import annotations

import asyncio
import contextvars
import subprocess
import sys
from collections.abc import Callable, Iterator
from typing import Any

import numbered
import pytest
from event_loops import NewLoop, run, until
from numbered import value

from aerospike_np import AsyncClient
from aerospike_np._engine import Waker
from aerospike_np.local import LocalNode

pytestmark = pytest.mark.needs_embedded("a node that it can freeze")

N = 200
who = contextvars.ContextVar("who", default=-1)


@pytest.fixture
def node() -> Iterator[LocalNode]:
    with numbered.node(N) as node:
        yield node


async def get(client: AsyncClient, i: int) -> int:
    record = await client.get(("test", "s", i))
    assert record.bins is not None
    return int(record.bins["a"])


def test_task_goes_on_in_its_own_context(node: LocalNode, new_loop: NewLoop) -> None:
    async def one(client: AsyncClient, i: int) -> None:
        who.set(i)
        for _ in range(3):
            assert await get(client, i) == value(i)
            assert who.get() == i

    async def main() -> None:
        async with AsyncClient(node.config()) as client:
            await asyncio.gather(*(one(client, i) for i in range(N)))
            assert who.get() == -1

    run(main, new_loop)


def python_task(loop: Any, work: Any, **more: Any) -> Any:
    return asyncio.tasks._PyTask(work, loop=loop, **more)  # type: ignore[attr-defined]


FACTORIES = [pytest.param(None, id="c"), pytest.param(python_task, id="python")]
if sys.version_info >= (3, 12):
    FACTORIES.append(pytest.param(asyncio.eager_task_factory, id="eager"))


@pytest.mark.parametrize("debug", [False, True])
@pytest.mark.parametrize("factory", FACTORIES)
def test_tasks_of_every_kind_wait_and_are_cancelled(
    node: LocalNode, factory: Callable[..., Any], debug: bool
) -> None:
    async def main() -> None:
        loop = asyncio.get_running_loop()
        loop.set_debug(debug)
        loop.set_task_factory(factory)
        async with AsyncClient(node.config()) as client:
            got = await asyncio.gather(*(asyncio.create_task(get(client, i)) for i in range(N)))
            assert got == [value(i) for i in range(N)]
            node.freeze()
            task = asyncio.create_task(get(client, 1))
            await until(lambda: any(w.under_way() for w in vars(client)["_wakers"].values()))
            assert task.cancel("no more")
            with pytest.raises(asyncio.CancelledError, match="no more") as caught:
                await task
            assert caught.value.partial is None  # type: ignore[attr-defined]
            node.thaw()
            assert await get(client, 2) == value(2)

    run(main)


def test_exit_of_one_task_leaves_the_others_to_go_on(node: LocalNode, new_loop: NewLoop) -> None:
    async def leave(client: AsyncClient) -> None:
        await get(client, 0)
        raise SystemExit

    async def stay(client: AsyncClient, i: int) -> None:
        for _ in range(2):
            assert await get(client, i) == value(i)

    async def main() -> list[Any]:
        async with AsyncClient(node.config()) as client:
            works = (stay(client, i) if i % 8 else leave(client) for i in range(32))
            return await asyncio.gather(*works, return_exceptions=True)

    loop = new_loop()
    task = loop.create_task(main())
    exits = 0
    while not task.done():
        try:
            loop.run_until_complete(task)
        except SystemExit:
            exits += 1
    loop.close()
    assert 1 <= exits <= 4  # uvloop tells once of several
    assert [type(end) for end in task.result()] == [
        type(None) if i % 8 else SystemExit for i in range(32)
    ]


def test_reply_is_awaited_by_one_task_and_ends_once() -> None:
    async def main() -> None:
        loop = asyncio.get_running_loop()
        reply = Waker().reply(loop)
        assert reply.get_loop() is loop and not reply.done()
        with pytest.raises(RuntimeError, match="under way"):
            reply.result()
        assert next(iter(reply)) is reply and reply._asyncio_future_blocking
        heard: list[Any] = []
        reply.add_done_callback(heard.append, context=contextvars.copy_context())
        with pytest.raises(RuntimeError, match="another task"):
            reply.add_done_callback(heard.append, context=contextvars.copy_context())
        with pytest.raises(TypeError, match="context"):
            Waker().reply(loop).add_done_callback(heard.append, context=None)
        assert reply.cancel("why") and not reply.cancel()
        assert not heard  # in the loop's next round: who cancels is a task
        await asyncio.sleep(0)
        assert heard == [reply] and reply.done() and reply.cancelled()
        for ask in (reply.result, reply.exception, lambda: next(reply)):
            with pytest.raises(asyncio.CancelledError, match="why"):
                ask()
        late: list[Any] = []
        reply.add_done_callback(late.append, context=contextvars.copy_context())
        await asyncio.sleep(0)
        assert late == [reply]

    run(main)


ONE_BY_ONE = """
import asyncio, os, sys
import aerospike_np

def switches():
    tasks = {}
    for task in os.listdir("/proc/self/task"):
        with open(f"/proc/self/task/{task}/status") as status:
            tasks[task] = int(next(line for line in status if line.startswith("voluntary")).split()[1])
    return tasks

async def main():
    config = {"hosts": [("127.0.0.1", int(sys.argv[1]))], "tend_interval": 3_600_000}
    async with aerospike_np.AsyncClient(config) as client:
        await asyncio.gather(*(client.get(("test", "s", i)) for i in range(100)))
        before = switches()
        for i in range(100):
            await client.get(("test", "s", i))
        after = switches()
        del before[str(os.getpid())]
        print(sum(after[task] - before[task] > 25 for task in before))

asyncio.run(main())
"""


def test_calls_one_after_the_other_stay_with_one_thread(node: LocalNode) -> None:
    command = [sys.executable, "-c", ONE_BY_ONE, str(node.port)]
    told = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
    assert told.stdout.strip() == "1", told
