"""What ``progress=`` may be, as one callable."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any


def watcher(progress: Any, total: int | None) -> Callable[[int, int], Any] | None:
    if progress is None or progress is False:
        return None
    if callable(progress):
        return progress  # type: ignore[no-any-return]
    if progress is not True:
        raise TypeError(
            f"progress is True or a callable of (done, total), not {type(progress).__name__}"
        )
    try:
        from tqdm.auto import tqdm
    except ImportError:
        raise ImportError("progress=True needs tqdm: pip install tqdm") from None
    bar = tqdm(total=total, unit="rec", unit_scale=True)

    def show(done: int, _whole: int) -> None:
        bar.update(done - bar.n)
        if done == total:
            bar.close()

    show.close = bar.close  # type: ignore[attr-defined]
    return show
