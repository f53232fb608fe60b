"""Batches whose rows come back with something: of operations, and of functions."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from . import _keys, _late, _progress
from ._writing import Writing, check_retry
from .exception import InvalidArgError

if TYPE_CHECKING:
    from ._engine import Core, Request

# core method, arguments before the arrays, arguments behind them
_Call = tuple[Callable[..., "Request"], tuple[Any, ...], tuple[Any, ...]]


class Answers:
    """What rows came back with: each row as the last request had it."""

    __slots__ = ("_again", "_first")

    def __init__(self) -> None:
        self._first: Any = None
        self._again: dict[int, tuple[Any, int]] = {}

    def take(self, raw: Any, rows: Any = None) -> None:
        if rows is None:
            self._first = raw
        else:
            self._again.update((int(row), (raw, at)) for at, row in enumerate(rows))

    def record(self, row: int) -> Any:
        """(generation, ttl, bins); None: there is no record."""
        raw, at = self._again.get(row, (self._first, row))
        return None if raw is None else raw.record(at)


class Answering(Writing):
    """A batch of operations or functions, and the rounds of its retries."""

    def __init__(
        self, core: Core, keys: Any, call: Callable[[Any], _Call], retry: int, progress: Any = None
    ) -> None:
        self.answers = Answers()
        self.call = call
        super().__init__(self._request(keys, None, progress), keys, self._again, check_retry(retry))
        self.run = core.run

    def _again(self, rows: Any) -> tuple[Request, Any]:
        keys = self.keys
        some = keys.take(rows) if isinstance(keys, _keys.Keys) else [keys[int(row)] for row in rows]
        return self._request(some, rows, None)

    def _request(self, keys: Any, rows: Any, progress: Any) -> tuple[Request, tuple[Any, ...]]:
        """A request, for all rows or some; and the arrays of what becomes of them, as writes have them."""
        _late.load()
        import numpy as np

        from ._layout import META_DTYPE

        n = len(keys)
        codes, meta = np.empty(n, np.int32), np.zeros(n, META_DTYPE)
        in_doubt, attempts = np.zeros(n, bool), np.zeros(n, np.uint8)
        arrays = codes, meta["gen"], in_doubt, attempts
        method, before, behind = self.call(rows)
        request = method(keys, *before, (codes, meta, in_doubt, attempts), *behind)

        def finish(raw: Any, exception: Any) -> Any:
            self.answers.take(raw, rows)
            return arrays, exception

        return _progress.watched(request, finish, progress), arrays


def batch_policy(policy: Any, policy_batch: Any, where: str) -> Any:
    """``policy`` under either client's name."""
    if policy is None or policy_batch is None:
        return policy_batch if policy is None else policy
    raise InvalidArgError(f"{where}: policy and policy_batch are the same argument; give one")
