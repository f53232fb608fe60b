"""Event loops of both kinds, and waiting on them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

NewLoop = Callable[[], asyncio.AbstractEventLoop]


def run(
    main: Callable[[], Coroutine[Any, Any, Any]], new_loop: NewLoop = asyncio.new_event_loop
) -> Any:
    with asyncio.Runner(loop_factory=new_loop) as runner:
        return runner.run(asyncio.wait_for(main(), 120))


async def until(what: Callable[[], Any]) -> None:
    async with asyncio.timeout(60):
        while not what():
            await asyncio.sleep(0.002)
