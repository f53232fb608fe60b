"""Batches of operations, functions and mixed rows go out as the official client sends them, row by row."""

from __future__ import annotations

import sys
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from batch_rows import all_ok, taken_apart
from fake_server import FakeServer
from hypothesis import given, settings
from hypothesis import strategies as st

from .plans import CHECKS

PARTITIONS = "test:0,1," + "/" * 682 + "8="
KEYS = [("test", "s", i) for i in range(3)]
# A second row makes a batch of it: of one row the official client sends a single command.
AFTER = "Read(('test', 's', 'after'), [op.read('n')])"

ALL = {"key": 1, "commit_level": 1, "durable_delete": True}
CALLS = [
    "c.batch_operate(KEYS, [op.read('n'), op.read('m')])",
    "c.batch_operate(KEYS, [mo.map_size('m'), lo.list_get('l', 1)])",
    "c.batch_operate(KEYS, [op.read('n')], {'read_touch_ttl_percent': 40})",
    "c.batch_operate(KEYS, [op.increment('n', 1), op.read('n'), lo.list_append('l', [1, 'x'])])",
    "c.batch_operate(KEYS, [op.increment('n', 1), op.read('')])",
    "c.batch_operate(KEYS, [op.write('n', 'x')], None, {'ttl': 77, 'exists': 1, 'gen': 1})",
    "c.batch_operate(KEYS, [op.write('n', 1)], None, ALL)",
    "c.batch_operate(KEYS, [op.write('n', 1)], None, {'ttl': 77}, 55)",
    "c.batch_operate(KEYS, [op.delete(), op.write('n', 1)])",
    "c.batch_operate(KEYS, [op.write('n', 1)], {'expressions': big})",
    "c.batch_operate(KEYS, [op.write('n', 1)], {'expressions': big}, {'expressions': small})",
    "c.batch_operate(KEYS, [op.touch()], None, {'ttl': 5})",
    "c.batch_apply(KEYS, 'mod', 'fn', [1, 'x', [2], {'a': None}])",
    "c.batch_apply(KEYS, 'mod', 'fn', [])",
    "c.batch_apply(KEYS, 'mod', 'fn', [], None, {'ttl': 8, **ALL})",
    "c.batch_apply(KEYS, 'mod', 'fn', [], None, {'expressions': big})",
    *(
        f"c.batch_write(BatchRecords([{record}, {AFTER}]))"
        for record in (
            "Read(KEYS[0], None)",
            "Read(KEYS[0], None, read_all_bins=True)",
            "Read(KEYS[0], [op.read('n'), lo.list_size('l')], meta={'gen': 3, 'ttl': 9})",
            "Read(KEYS[0], [op.read('n')], policy={'read_touch_ttl_percent': 40, 'read_mode_ap': 1})",
            "Read(KEYS[0], [op.read('n')], policy={'expressions': big})",
            "Write(KEYS[0], [op.write('n', 1), op.read('n')])",
            "Write(KEYS[0], [op.write('n', 1)], {'gen': 3, 'ttl': 9}, {'gen': 1, 'exists': 2, 'key': 1})",
            "Write(KEYS[0], [op.write('n', 1)], policy={'ttl': 8, 'commit_level': 1, 'durable_delete': True})",
            "Write(KEYS[0], [op.write('n', 1), op.read('')], policy={'expressions': small})",
            "Apply(KEYS[0], 'mod', 'fn', [1, 'x'])",
            "Apply(KEYS[0], 'mod', 'fn', [], policy={'ttl': 8, **ALL})",
            "Apply(KEYS[0], 'mod', 'fn', [1], policy={'expressions': big})",
            "Remove(KEYS[0])",
            "Remove(KEYS[0], policy={'gen': 1, 'generation': 5, **ALL})",
            "Remove(KEYS[0], policy={'expressions': big}), Remove(KEYS[1])",
        )
    ),
    "c.batch_write(BatchRecords([Remove(KEYS[0]), Apply(KEYS[1], 'm', 'f', [1]), Read(KEYS[1], [op.read('n')]), "
    "Write(KEYS[2], [op.write('n', 1)]), Write(KEYS[0], [op.write('n', 1)])]), {'expressions': big})",
]


# ---- at random: the texts of calls ----

READING = ["op.read('n')", "op.read('')", "lo.list_get('l', 1)", "mo.map_size('m')"]
WRITING = [
    "op.increment('n', 1)", "op.write('s', 'x')", "op.delete()", "op.touch()", "lo.list_append('l', 2)",
    "mo.map_put('m', 'k', 1)",
]  # fmt: skip
FILTER = {"expressions": st.sampled_from(["big", "small"])}
COMMON = {**FILTER, "key": st.sampled_from("01"), "commit_level": st.sampled_from("01")}
DELETES = {"durable_delete": st.sampled_from(["True", "False"])}
TTL = {"ttl": st.sampled_from(["0", "7", "1000", "4294967295", "4294967294"])}
GEN = {"gen": st.sampled_from("012")}
EXISTS = {"exists": st.sampled_from("01234")}
READ_POLICY = {**FILTER, "read_touch_ttl_percent": st.sampled_from(["0", "-1", "40"])}


def dicts(keys: dict[str, st.SearchStrategy[str]]) -> st.SearchStrategy[str]:
    """Texts of dicts with some of the keys, or None."""
    some = st.fixed_dictionaries({}, optional=keys)
    texts = some.map(lambda d: "{" + ", ".join(f"{k!r}: {v}" for k, v in d.items()) + "}")
    return st.none().map(str) | texts


def lists(*first: list[str]) -> st.SearchStrategy[str]:
    """Texts of lists of operations, of which one is of the first list."""
    one, more = st.sampled_from(first[0]), st.lists(st.sampled_from(sum(first, [])), max_size=3)
    shuffled = st.tuples(one, more).flatmap(lambda pair: st.permutations([pair[0], *pair[1]]))
    return shuffled.map(lambda ops: f"[{', '.join(ops)}]")


def texts(form: str, *parts: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    return st.tuples(st.sampled_from("012"), *parts).map(lambda values: form.format(*values))


ROWS = st.one_of(
    texts("Read(KEYS[{}], {}, policy={})", lists(READING), dicts(READ_POLICY)),
    texts(
        "Read(KEYS[{}], None, {}, policy={})",
        st.sampled_from(["True", "False"]),
        dicts(READ_POLICY),
    ),
    texts(
        "Write(KEYS[{}], {}, policy={})",
        lists(WRITING, READING),
        dicts({**COMMON, **DELETES, **TTL, **GEN, **EXISTS}),
    ),
    texts(
        "Write(KEYS[{}], {}, {{'gen': 3, 'ttl': 9}}, {{'gen': {}}})",
        lists(WRITING, READING),
        st.sampled_from("12"),
    ),
    texts(
        "Apply(KEYS[{}], 'mod', 'fn', {}, {})",
        st.sampled_from(["[]", "[1, 'x', [None, 2.5]]", "[{'k': b'y'}]"]),
        dicts({**COMMON, **DELETES, **TTL}),
    ),
    texts("Remove(KEYS[{}], {})", dicts({**COMMON, **DELETES, **GEN})),
    texts(
        "Remove(KEYS[{}], {{'gen': {}, 'generation': {}}})",
        st.sampled_from("12"),
        st.sampled_from(["0", "5", "65535"]),
    ),
)
MIXED = st.tuples(st.lists(ROWS, min_size=2, max_size=6), dicts(FILTER)).map(
    lambda pair: f"c.batch_write(BatchRecords([{', '.join(pair[0])}]), {pair[1]})"
)


class Side:
    """A client, the helpers that go with it, and what it sent last."""

    def __init__(self, client: Any, helpers: str) -> None:
        from importlib import import_module

        self.last: list[dict[str, Any]] = []
        self.server = FakeServer(self._answer, info={"replicas": PARTITIONS})
        host, port = self.server.address
        self.server.values["service-clear-std"] = f"{host}:{port}"
        self.client = client({"hosts": [(host, port)]}).connect()
        e = import_module(f"{helpers}.expressions")
        self.names = {
            **vars(import_module(f"{helpers}.batch.records")),
            "op": import_module(f"{helpers}.operations.operations"),
            "lo": import_module(f"{helpers}.operations.list_operations"),
            "mo": import_module(f"{helpers}.operations.map_operations"),
            "big": e.GT(e.IntBin("n"), 100).compile(),
            "small": e.LT(e.IntBin("n"), 100).compile(),
            "KEYS": KEYS,
            "ALL": ALL,
            "c": self.client,
        }

    def _answer(self, body: bytes) -> bytes:
        self.last = taken_apart(body)
        return all_ok(body)

    def sends(self, call: str) -> list[dict[str, Any]]:
        self.last = []
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)
            result = eval(call, dict(self.names))
        assert [record.result for record in result.batch_records] == [0] * len(self.last)
        return self.last

    def close(self) -> None:
        self.client.close()
        self.server.stop()


@pytest.fixture(scope="module")
def sides() -> Iterator[tuple[Side, Side]]:
    import aerospike

    import aerospike_np

    pair = (
        Side(aerospike.client, "aerospike_helpers"),
        Side(aerospike_np.client, "aerospike_np.helpers"),
    )
    yield pair
    for side in pair:
        side.close()


@pytest.mark.parametrize("call", CALLS)
def test_rows_are_those_of_the_official_client(sides: tuple[Side, Side], call: str) -> None:
    official, ours = (side.sends(call) for side in sides)
    assert len(official) > 1 and ours == official


@settings(CHECKS, max_examples=500)
@given(call=MIXED)
def test_random_rows_are_those_of_the_official_client(sides: tuple[Side, Side], call: str) -> None:
    official, ours = (side.sends(call) for side in sides)
    assert len(official) > 1 and ours == official, call
