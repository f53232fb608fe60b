"""Batches whose rows come back with something: of operations, and of functions."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from . import _keys, _late, _progress, _udf
from ._writing import Writing, check_retry, with_metas
from .exception import InvalidArgError
from .helpers.batch.records import _APPLY as APPLY
from .helpers.batch.records import BatchRecord, Read

if TYPE_CHECKING:
    from ._engine import Core, Request
    from .helpers.batch.records import BatchRecords

# Of keys, of the numbers of their rows (None: all), and of the arrays of what becomes of them.
_Call = Callable[[Any, Any, tuple[Any, ...]], "Request"]


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
        return raw.record(at)

    def batch_record(self, row: int, *key: Any) -> Any:
        raw, at = self._again.get(row, (self._first, row))
        return raw.batch_record(at, *key)


class Answering(Writing):
    """A batch of operations or functions, and the rounds of its retries."""

    reads: Any = None  # which rows read, one bool each, where others write

    def __init__(
        self, core: Core, keys: Any, call: _Call, retry: int, progress: Any = None
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
        request = self.call(keys, rows, (codes, meta, in_doubt, attempts))

        def finish(raw: Any, exception: Any) -> Any:
            self.answers.take(raw, rows)
            if self.reads is not None:
                in_doubt[self.reads if rows is None else self.reads[rows]] = False
            return arrays, exception

        return _progress.watched(request, finish, progress), arrays


class Mixed(Answering):
    """The rows of a BatchRecords, which get the results."""

    def __init__(self, core: Core, batch: BatchRecords, policy: Any, retry: int) -> None:
        where = "batch_write"
        self.batch = batch
        if not isinstance(batch.batch_records, (list, tuple)):
            raise TypeError(
                f"{where}: batch_records is a list of Read, Write, Apply and Remove, not "
                f"{type(batch.batch_records).__name__}"
            )
        self.rows = list(batch.batch_records)
        for i, record in enumerate(self.rows):
            if not isinstance(record, BatchRecord):
                raise TypeError(
                    f"{where}: batch_records[{i}] is a Read, Write, Apply or Remove, not "
                    f"{type(record).__name__}"
                )
            if not isinstance(record.key, (tuple, list)):
                raise TypeError(
                    f"{where}: batch_records[{i}]: a key is a tuple (namespace, set, user key), not "
                    f"{type(record.key).__name__}"
                )
        asked = [record._asks(i) for i, record in enumerate(self.rows)]
        keys = _keys.prepare([record.key for record in self.rows], None, None, where)

        def call(keys: Any, rows: Any, arrays: tuple[Any, ...]) -> Request:
            some = asked if rows is None else [asked[int(row)] for row in rows]
            return core.batch_mixed(where, "batch_records", keys, some, arrays, policy)

        super().__init__(core, keys, call, retry)

        import numpy as np

        self.reads = np.array([isinstance(record, Read) for record in self.rows], bool)

    def _result(self) -> Any:
        found = super()._result()
        for record, made in zip(self.rows, found.batch_records, strict=True):
            _, record.result, record.record, record.in_doubt = made
        self.batch.result = found.result
        return self.batch


def applying(
    core: Core,
    keys: Any,
    module: Any,
    function: Any,
    args: Any,
    policy: Any,
    over: Any,
    progress: Any,
) -> Answering:
    """A function is called with many records; ``keys`` may be (key, what this one has of its own)."""
    where = "batch_apply"
    plain, metas = with_metas(keys, where)
    given = _udf.arguments(args, where)
    if metas is None:
        return Answering(
            core,
            plain,
            lambda keys, rows, arrays: core.batch_apply(
                keys, module, function, given, arrays, policy, over
            ),
            0,
            progress,
        )
    asked = []
    for i, meta in enumerate(metas):
        if meta is not None and not isinstance(meta, Mapping):
            raise TypeError(f"{where}: keys[{i}]: a meta is a dict, not {type(meta).__name__}")
        own = dict(meta or {})
        call = own.pop("module", module), own.pop("function", function)
        mine = _udf.arguments(own.pop("args"), f"{where}: keys[{i}]") if "args" in own else given
        asked.append((APPLY, (*call, mine), over, own))

    def again(keys: Any, rows: Any, arrays: tuple[Any, ...]) -> Request:
        some = asked if rows is None else [asked[int(row)] for row in rows]
        return core.batch_mixed(where, "keys", keys, some, arrays, policy)

    return Answering(core, plain, again, 0, progress)


def batch_policy(policy: Any, policy_batch: Any, where: str) -> Any:
    """``policy`` under either client's name."""
    if policy is None or policy_batch is None:
        return policy_batch if policy is None else policy
    raise InvalidArgError(f"{where}: policy and policy_batch are the same argument; give one")
