"""NumPy and the modules that need it when they are imported: loaded by the first call that needs them.

What one thread is importing while another forks is locked in the child for good. So a fork waits for it.
"""

from __future__ import annotations

import os
import threading

_PATIENCE = 30.0  # seconds: a fork must not hang for good where an import does

_loading = threading.RLock()
_is_loaded = False


class _Forking(threading.local):
    """What the fork that this thread makes has taken."""

    is_held = False


_forking = _Forking()


def load() -> None:
    """Loads them, where that was not done."""
    global _is_loaded
    if _is_loaded:
        return
    with _loading:
        from . import _batch_data, _tables  # noqa: F401
        from ._engine import bind_numpy

        bind_numpy()
    _is_loaded = True


def _before_fork() -> None:
    _forking.is_held = _loading.acquire(timeout=_PATIENCE)


def _after_fork() -> None:
    if _forking.is_held:
        _forking.is_held = False
        _loading.release()


os.register_at_fork(before=_before_fork, after_in_parent=_after_fork, after_in_child=_after_fork)
