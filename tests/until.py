"""Waiting for what is about to come: never for a time, always for a condition, with a generous limit."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any


def until(
    condition: Callable[[], object], what: str = "what is promised", limit: float = 30.0
) -> None:
    """Returns as soon as the condition holds; fails, and says what was waited for, after so many seconds."""
    end = time.monotonic() + limit
    while not condition():
        assert time.monotonic() < end, f"waited {limit:g} s for {what}"
        time.sleep(0.002)


def in_use(client: Any) -> int:
    """Connections that operations have."""
    return sum(node.conns.in_use for node in client.get_stats().nodes)


NO_TENDING = {"tend_interval": 3_600_000}  # what a frozen node is sent is then what the test's calls send


ESTABLISHED = "01"


def unread(node: Any) -> int:
    """Bytes that a frozen node on 127.0.0.1 has been sent: a request that is among them is under way."""
    local = f"0100007F:{node.port:04X}"
    total = 0
    with open("/proc/net/tcp") as table:
        for line in table:
            _, address, _, state, queues, *_ = line.split()
            if address == local and state == ESTABLISHED:  # that a client has closed counts as one
                total += int(queues.partition(":")[2], 16)
    return total
