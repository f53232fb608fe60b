"""Calls at random that can be judged: values are functions of keys, and a record is written once at most.

What a call delivers, also in the `partial` of an error, shows whether it is what was asked for. What became of a
write is noted as its caller was told, and compared with what the cluster holds in the end.
"""

from __future__ import annotations

import random
import threading
import weakref
from collections import Counter
from collections.abc import Callable
from typing import Any

import numpy as np

from aerospike_np import exception

HELD, MISSING = 12_000, 500  # records that are read; keys that have none
WRITTEN = 150_000  # records that may be written; the even ones are there before
NEVER, OK, REFUSED, IN_DOUBT = range(4)
GONE = -1
DTYPE = np.dtype([("a", "i8"), ("b", "f8"), ("s", "S8")])
V = np.dtype([("v", "i8")])
KEYED = np.dtype([("_key", "i8"), ("v", "i8")])
UNTOLD = object()

Policy = dict[str, int]


def held() -> Any:
    """What the records that are read hold; zeros where there are none."""
    rows = np.zeros(HELD + MISSING, DTYPE)
    ids = np.arange(HELD)
    rows["a"][:HELD], rows["b"][:HELD] = ids * 7 + 1, ids / 2
    rows["s"][:HELD] = [b"r%d" % i for i in ids]
    return rows


ROWS = held()


def bins_of(i: int) -> dict[str, Any]:
    return {"a": i * 7 + 1, "b": i / 2, "s": f"r{i}"}


def value_of(ids: Any, version: int) -> Any:
    return ids * 1_000_003 + version


def fill(client: Any) -> None:
    for ids, set_name, columns in (
        (np.arange(HELD), "r", {name: ROWS[name][:HELD] for name in DTYPE.names or ()}),
        (np.arange(0, WRITTEN, 2), "w", {"v": value_of(np.arange(0, WRITTEN, 2), 0)}),
    ):
        data = {"_key": ids, **columns}
        client.batch_write_numpy(data, "test", set_name, bytes_as="str").raise_for_status()


class Ledger:
    """What became of each record that may be written, as its caller was told."""

    def __init__(self) -> None:
        self.said = np.zeros(WRITTEN, np.int8)
        self.after = np.zeros(WRITTEN, np.int8)  # the version that the write makes, or GONE
        self.taken = 0
        self.in_partials = 0  # rows that came with an error
        self.lock = threading.Lock()

    def take(self, n: int, after: int = 1) -> Any:
        """The ids of n records that nobody has written."""
        with self.lock:
            first = self.taken
            self.taken += n
        assert self.taken <= WRITTEN, "more was written than there is: raise WRITTEN"
        ids = np.arange(first, first + n)
        self.after[ids] = after
        self.said[ids] = IN_DOUBT  # until its caller is told
        return ids

    def before(self) -> Any:
        return np.where(np.arange(WRITTEN) % 2 == 0, 0, GONE)

    def check(self, client: Any) -> Counter[int]:
        got = client.batch_read(np.arange(WRITTEN), _dtype=V, namespace="test", set_name="w")
        ids, codes = np.arange(WRITTEN), got.result_codes
        assert set(codes.tolist()) <= {0, 2}
        version = np.where(codes == 0, got.batch_records["v"] - value_of(ids, 0), GONE)
        before, after = self.before(), self.after
        right = np.select(
            [self.said == OK, self.said == IN_DOUBT],
            [version == after, (version == after) | (version == before)],
            version == before,
        )
        wrong = np.flatnonzero(~right)[:5]
        assert right.all(), [
            f"record {i}: said {self.said[i]}, held {before[i]}, would be {after[i]}, is {version[i]}"
            for i in wrong
        ]
        return Counter(self.said.tolist())


# ---- calls ----


def told(error: BaseException | None) -> BaseException | None:
    """The error that says what there is: asyncio's time-outs have it as their cause."""
    while error is not None and not hasattr(error, "partial"):
        error = error.__context__
    return error


class Call:
    """One call of a method, and what must be true of what it came to.

    `see(result, error)`: the result, or the `partial` of the error, None where it has none, UNTOLD where the
    call had not begun.
    """

    stop_after = 0  # of a stream: chunks after which it is left

    def __init__(self, name: str, see: Callable[[Any, Any], None], *args: Any, **more: Any) -> None:
        self.name, self.see, self.args, self.more = name, see, args, more
        self.parts: list[Any] | None = [] if name.endswith("stream") else None

    def start(self, client: Any) -> Any:
        return getattr(client, self.name)(*self.args, **self.more)

    def ended(self, result: Any, error: BaseException | None) -> None:
        what = told(error)
        if error is not None:
            result = UNTOLD if what is None else what.partial  # type: ignore[attr-defined]
        self.see(result, error if what is None else what)


class ReaderCall(Call):
    """A call of a reader, which is made for it."""

    def start(self, client: Any) -> Any:
        reader = client.reader(DTYPE, "test", "r", policy=self.more["policy"])
        return reader.read(*self.args)


class Calls:
    """Makes calls at random."""

    def __init__(self, ledger: Ledger, rng: random.Random, outs: list[weakref.ref[Any]]) -> None:
        self.ledger, self.rng, self.outs = ledger, rng, outs

    def next(self, policy: Policy) -> Call:
        if self.ledger.taken > WRITTEN - 20_000:
            kinds = (self.get, self.table, self.records, self.read_stream)
        else:
            kinds = (
                self.get, self.get, self.get, self.put, self.increment, self.remove, self.table, self.table,
                self.table, self.records, self.write_table, self.write_table, self.write_rows, self.remove_many,
                self.read_stream, self.write_stream,
            )  # fmt: skip
        return self.rng.choice(kinds)(policy)

    def ids(self, most: int) -> Any:
        n = self.rng.choice([1, 30, 700, 700, 12_000])
        return np.array(
            [self.rng.randrange(HELD + MISSING)] * 1 if n == 1 else self.some(min(n, most))
        )

    def some(self, n: int) -> Any:
        return np.random.default_rng(self.rng.randrange(2**32)).integers(0, HELD + MISSING, n)

    # one record

    def get(self, policy: Policy) -> Call:
        i = self.rng.randrange(HELD + 100)
        name, args = self.rng.choice([("get", ()), ("select", (["a", "b", "s"],))])

        def see(got: Any, error: Any) -> None:
            assert not getattr(error, "in_doubt", False)
            if isinstance(error, exception.RecordNotFound):
                assert i >= HELD, f"record {i} was not found"
            elif got is not None and got is not UNTOLD:
                assert got.bins == bins_of(i), f"{i}: {got}"

        return Call(name, see, ("test", "r", i), *args, policy=policy)

    def one(
        self, after: int, name: str, args: Callable[[int], tuple[Any, ...]], policy: Policy
    ) -> Call:
        ids = self.ledger.take(1, after)

        def see(got: Any, error: Any) -> None:
            if error is None:
                self.ledger.said[ids] = OK
            else:
                assert got is None or got is UNTOLD
                in_doubt = got is not UNTOLD and error.in_doubt
                self.ledger.said[ids] = IN_DOUBT if in_doubt else REFUSED

        return Call(name, see, ("test", "w", int(ids[0])), *args(int(ids[0])), policy=policy)

    def put(self, policy: Policy) -> Call:
        return self.one(1, "put", lambda i: ({"v": value_of(i, 1)},), policy)

    def increment(self, policy: Policy) -> Call:
        policy = {**policy, "max_retries": 0}  # twice would be once too often
        return self.one(
            1, "increment", lambda i: ("v", 1 if i % 2 == 0 else value_of(i, 1)), policy
        )

    def remove(self, policy: Policy) -> Call:
        return self.one(GONE, "remove", lambda i: (), policy)

    # many

    def is_table(self, ids: Any, got: Any) -> None:
        codes, want = got.result_codes, ROWS[ids]
        assert len(codes) == len(ids)
        found, columns = codes == 0, got.columns
        assert (ids[found] < HELD).all() and (ids[codes == 2] >= HELD).all()
        for name in DTYPE.names or ():
            assert (columns[name][found] == want[name][found]).all(), "a row has another's value"
            empty = np.zeros((), DTYPE[name])
            assert (columns[name][~found] == empty).all(), "a row without an answer has a value"
            assert (got.mask[name] == ~found).all()

    def table(self, policy: Policy) -> Call:
        ids = self.ids(HELD)
        more: dict[str, Any] = {"_dtype": DTYPE}
        kind = self.rng.choice(["rows", "columns", "out", "out of columns", "reader"])
        if kind == "columns":
            more["layout"] = "columns"
        elif kind != "rows" and (kind != "reader" or self.rng.random() < 0.5):
            out = np.full(len(ids), np.array((-9, -9.5, b"nothing"), DTYPE))
            arrays = {name: out[name].copy() for name in DTYPE.names or ()}
            is_one = kind != "out of columns"
            more = {"out": out} if is_one else {"out": arrays, "layout": "columns"}
            self.outs += map(weakref.ref, [out] if is_one else arrays.values())

        def see(got: Any, error: Any) -> None:
            if got is not UNTOLD:
                self.is_table(ids, got)
            if got is not UNTOLD and error is not None:
                self.ledger.in_partials += int((got.result_codes == 0).sum())

        if kind == "reader":
            return ReaderCall("reader", see, ids, more.get("out"), policy=policy)
        keys: Any = ids
        if len(ids) <= 700 and self.rng.random() < 0.4:
            keys = [("test", "r", int(i)) for i in ids]
        else:
            more |= {"namespace": "test", "set_name": "r"}
        return Call("batch_read", see, keys, policy=policy, **more)

    def records(self, policy: Policy) -> Call:
        ids = self.ids(700)

        def see(got: Any, error: Any) -> None:
            if got is UNTOLD:
                return
            rows = got.batch_records
            assert len(rows) == len(ids)
            for i, row in zip(ids.tolist(), rows, strict=True):
                if row.result == 0:
                    assert row.record.bins == bins_of(i)
                else:
                    assert row.result != 2 or i >= HELD

        return Call("batch_read", see, ids, policy=policy, namespace="test", set_name="r")

    def note(self, ids: Any, got: Any) -> None:
        codes, in_doubt = got.result_codes, got.in_doubt
        assert codes.shape == in_doubt.shape == ids.shape
        # Code 0 in doubt: an earlier attempt (max_retries) may yet be applied too, which changes nothing here.
        self.ledger.said[ids] = np.select([codes == 0, in_doubt], [OK, IN_DOUBT], REFUSED)

    def many(self, ids: Any) -> Callable[[Any, Any], None]:
        def see(got: Any, error: Any) -> None:
            if got is UNTOLD:
                self.ledger.said[ids] = REFUSED
            else:
                self.note(ids, got)

        return see

    def rows(self, n: int) -> Any:
        rows = np.zeros(n, KEYED)
        rows["_key"] = self.ledger.take(n)
        rows["v"] = value_of(rows["_key"], 1)
        return rows

    def write_table(self, policy: Policy) -> Call:
        rows = self.rows(
            self.rng.choice([1, 20, 300, 300, 8_000 if self.rng.random() < 0.2 else 50])
        )
        retry = self.rng.choice([0, 0, 2])
        return Call(
            "batch_write_numpy", self.many(rows["_key"].copy()), rows, "test", "w", policy=policy, retry=retry
        )  # fmt: skip

    def write_rows(self, policy: Policy) -> Call:
        ids = self.ledger.take(self.rng.choice([1, 20, 200]))
        rows = [(("test", "w", int(i)), {"v": int(value_of(i, 1))}) for i in ids]
        return Call("batch_write", self.many(ids), rows, policy=policy)

    def remove_many(self, policy: Policy) -> Call:
        ids = self.ledger.take(self.rng.choice([1, 20, 200]), GONE)
        return Call(
            "batch_remove", self.many(ids), [("test", "w", int(i)) for i in ids], policy=policy
        )

    # streams

    def stream(self, call: Call, chunks: list[Any], see: Callable[[Any, Any], None]) -> Call:
        def see_all(got: Any, error: Any) -> None:
            assert call.parts is not None
            seen = [*call.parts, *([got] if error is not None and got is not UNTOLD else [])]
            for chunk, part in zip(chunks, seen, strict=False):
                see(chunk, part)
            assert len(seen) <= len(chunks)
            assert error is not None or call.stop_after or len(seen) == len(chunks)

        call.see = see_all
        call.stop_after = self.rng.choice([0, 0, 0, 1, 2])
        return call

    def read_stream(self, policy: Policy) -> Call:
        ids, chunk = self.ids(HELD), self.rng.choice([100, 2000])
        call = Call(
            "read_stream", print, ids, DTYPE, chunk, self.rng.randint(1, 4), policy=policy, namespace="test",
            set_name="r",
        )  # fmt: skip
        chunks = [ids[at : at + chunk] for at in range(0, len(ids), chunk)]
        return self.stream(call, chunks, self.is_table)

    def write_stream(self, policy: Policy) -> Call:
        chunks = [self.rows(self.rng.choice([10, 200])) for _ in range(self.rng.randint(1, 5))]
        call = Call(
            "write_stream",
            print,
            chunks,
            "test",
            "w",
            in_flight=self.rng.randint(1, 4),
            policy=policy,
        )
        return self.stream(call, [rows["_key"].copy() for rows in chunks], self.note)
