"""Waiting for what is about to come: never for a time, always for a condition, with a generous limit."""

from __future__ import annotations

import time
from collections.abc import Callable


def until(condition: Callable[[], object], what: str = "what is promised", limit: float = 30.0) -> None:
    """Returns as soon as the condition holds; fails, and says what was waited for, after so many seconds."""
    end = time.monotonic() + limit
    while not condition():
        assert time.monotonic() < end, f"waited {limit:g} s for {what}"
        time.sleep(0.002)
