"""Rows of ``batch_write`` that ask for different things, and get their results.

Examples
--------
>>> from aerospike_np.helpers.batch import records as br
>>> from aerospike_np.helpers.operations import operations
>>> ann, bob, eve = (("test", "demo", name) for name in ("ann", "bob", "eve"))
>>> client.put(eve, {"age": 41})
>>> batch = br.BatchRecords([
...     br.Write(ann, [operations.write("age", 30), operations.read("age")], meta={"ttl": 3600}),
...     br.Read(bob, None, read_all_bins=True),
...     br.Remove(eve),
... ])
>>> [row.result for row in client.batch_write(batch).batch_records]
[0, 2, 0]
>>> batch.batch_records[0].record.bins
{'age': 30}
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ...exception import InvalidArgError
from ...types import Record

__all__ = ["Apply", "BatchRecord", "BatchRecords", "Read", "Remove", "Write"]

_Operations = Sequence[dict[str, Any]]
_Policy = Mapping[str, Any] | None

_READ, _WRITE, _APPLY, _REMOVE = range(4)


def _place(row: int) -> str:
    return f"batch_write: batch_records[{row}]"


class BatchRecord:
    """What the rows share: a key, and what ``batch_write`` puts there.

    Attributes
    ----------
    key : tuple
    record : Record or None
        What came back, where something did.
    result : int
        0 is ok; else the server's code, or one of ours below 0.
    in_doubt : bool
        The row writes, was sent, and no definite answer came.
    """

    def __init__(self, key: Any) -> None:
        self.key = key
        self.record: Record | None = None
        self.result = 0
        self.in_doubt = False

    def _asks(self, row: int) -> tuple[int, Any, Any, Any]:
        """What the engine takes: (kind, what, policy, meta)."""
        raise TypeError(
            f"{_place(row)} is a Read, Write, Apply or Remove, not {type(self).__name__}"
        )

    def __repr__(self) -> str:
        doubt = ", in doubt" if self.in_doubt else ""
        return f"{type(self).__name__}({self.key!r}: {self.result}{doubt}, {self.record!r})"


class Write(BatchRecord):
    """Operations on a record, of which at least one writes.

    ``meta`` has ``gen`` and ``ttl``, and wins over ``policy``: ``exists``, ``gen``, ``ttl``, ``key``,
    ``commit_level``, ``durable_delete``, ``expressions``.
    """

    def __init__(
        self, key: Any, ops: _Operations, meta: _Policy = None, policy: _Policy = None
    ) -> None:
        super().__init__(key)
        self.ops, self.meta, self.policy = ops, meta, policy

    def _asks(self, row: int) -> tuple[int, Any, Any, Any]:
        return _WRITE, self.ops, self.policy, self.meta


class Read(BatchRecord):
    """Operations on a record that only read; without any, its metadata alone, or all of its bins.

    ``policy`` has ``read_touch_ttl_percent``, ``read_mode_ap``, ``read_mode_sc`` and ``expressions``. What
    ``meta`` has (``gen``, ``ttl``) is nothing that a read could use.
    """

    def __init__(
        self,
        key: Any,
        ops: _Operations | None,
        read_all_bins: bool = False,
        meta: _Policy = None,
        policy: _Policy = None,
    ) -> None:
        super().__init__(key)
        self.ops, self.read_all_bins, self.meta, self.policy = ops, read_all_bins, meta, policy

    def _asks(self, row: int) -> tuple[int, Any, Any, Any]:
        if self.ops is not None and self.read_all_bins:
            raise InvalidArgError(
                f"{_place(row)} (Read): give operations, or read_all_bins=True, not both"
            )
        what = (True if self.read_all_bins else None) if self.ops is None else self.ops
        return _READ, what, self.policy, self.meta


class Apply(BatchRecord):
    """A function that is called with a record.

    ``policy`` has ``ttl``, ``key``, ``commit_level``, ``durable_delete`` and ``expressions``. What the function
    returned is the record's bin ``"SUCCESS"``, the server's words on why it failed ``"FAILURE"``.
    """

    def __init__(
        self,
        key: Any,
        module: str,
        function: str,
        args: Sequence[Any] | None,
        policy: _Policy = None,
    ) -> None:
        super().__init__(key)
        self.module, self.function, self.args, self.policy = module, function, args, policy

    def _asks(self, row: int) -> tuple[int, Any, Any, Any]:
        from ..._udf import arguments

        call = self.module, self.function, arguments(self.args, f"{_place(row)} (Apply)")
        return _APPLY, call, self.policy, None


class Remove(BatchRecord):
    """A record is removed.

    ``policy`` has ``gen``, ``generation``, ``key``, ``commit_level``, ``durable_delete`` and ``expressions``.
    """

    def __init__(self, key: Any, policy: _Policy = None) -> None:
        super().__init__(key)
        self.policy = policy

    def _asks(self, row: int) -> tuple[int, Any, Any, Any]:
        policy, meta = self.policy, None
        if isinstance(policy, Mapping) and "generation" in policy:
            policy = dict(policy)
            meta = {"gen": policy.pop("generation")}
        return _REMOVE, None, policy, meta


class BatchRecords:
    """The rows of a ``batch_write``.

    Attributes
    ----------
    batch_records : list
        Of Read, Write, Apply and Remove.
    result : int
        Of the last batch: 0 if all rows ended with the codes 0, 2 (no record) or 27 (filtered out); else -16.
    """

    def __init__(self, batch_records: list[Any] | None = None) -> None:
        self.batch_records: list[Any] = [] if batch_records is None else batch_records
        self.result = 0

    def __repr__(self) -> str:
        rows = self.batch_records
        shown = ", ".join(map(repr, rows[:3])) + (", ..." if len(rows) > 3 else "")
        return f"BatchRecords([{shown}]: {self.result}) ({len(rows)} rows)"
