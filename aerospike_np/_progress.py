"""What ``progress=`` may be, as one callable."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ._engine import Request


class Bar:
    """A tqdm bar: drawn with the first count, or by ``open``."""

    def __init__(self, total: int | None) -> None:
        try:
            from tqdm.auto import tqdm
        except ImportError:
            raise ImportError("progress=True needs tqdm: pip install tqdm") from None
        self._make, self._total = tqdm, total
        self._bar: Any = None

    def open(self) -> None:
        if self._bar is None:
            self._bar = self._make(total=self._total, unit="rec", unit_scale=True)

    def __call__(self, done: int, _total: int) -> None:
        self.open()
        self._bar.update(done - self._bar.n)

    def fill(self) -> None:
        if self._total is not None:
            self(self._total, self._total)

    def close(self) -> None:
        if self._bar is not None:
            self._bar.close()


def watcher(progress: Any, total: int | None) -> Callable[[int, int], Any] | None:
    if progress is None or progress is False:
        return None
    if callable(progress):
        return progress  # type: ignore[no-any-return]
    if progress is not True:
        raise TypeError(
            f"progress is True or a callable of (done, total), not {type(progress).__name__}"
        )
    return Bar(total)


def watched(request: Request, finish: Callable[[Any, Any], Any], watch: Any) -> Request:
    """The request that shows its progress; a bar ends with it, however that ends."""
    if not isinstance(watch, Bar):
        return request.then(finish).watch(watch)

    def ended(raw: Any, exception: BaseException | None) -> Any:
        if exception is None:
            watch.fill()
        watch.close()
        return finish(raw, exception)

    return request.then(ended).watch(watch)
