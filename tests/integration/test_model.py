"""Random operations in any order, against a dict that stands for the server."""

from __future__ import annotations

from contextlib import ExitStack
from typing import Any

import pytest

pytest.importorskip("hypothesis", reason="pip install hypothesis")
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule
from server import NAMESPACE, server

import aerospike_np as aerospike
from aerospike_np import exception

SET = "model"
keys = st.one_of(st.integers(0, 5), st.sampled_from(["a", "b", ""]))
names = st.sampled_from(["i", "f", "s", "b", "l"])
values = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**63), 2**63 - 1),
    st.floats(allow_nan=False),
    st.text(max_size=5),
    st.binary(max_size=5),
    st.lists(st.integers(), max_size=3).map(lambda v: [i % 2**63 for i in v]),
)
bins = st.dictionaries(names, values, min_size=1, max_size=3)
EXISTS = {
    "IGNORE": aerospike.POLICY_EXISTS_IGNORE,
    "CREATE": aerospike.POLICY_EXISTS_CREATE,
    "UPDATE": aerospike.POLICY_EXISTS_UPDATE,
}


class Model(RuleBasedStateMachine):
    """``records`` maps a user key to (generation, bins)."""

    def __init__(self) -> None:
        super().__init__()
        self.open = ExitStack()
        node = self.open.enter_context(server(SET))
        self.client = self.open.enter_context(node.client())
        self.records: dict[Any, tuple[int, dict[str, Any]]] = {}

    def teardown(self) -> None:
        self.open.close()

    def key(self, key: Any) -> tuple[str, str, Any]:
        return (NAMESPACE, SET, key)

    def apply(self, key: Any, new: dict[str, Any]) -> int:
        """Writes bins in the model; the result code that the server must give."""
        generation, old = self.records.get(key, (0, {}))
        left = {**old, **new}
        left = {name: value for name, value in left.items() if value is not None}
        if not left:
            return 0 if self.records.pop(key, None) else 2
        self.records[key] = (generation + 1, left)
        return 0

    def code_of(self, call: Any) -> int:
        try:
            call()
        except exception.ServerError as error:
            return error.code
        return 0

    @rule(key=keys, bins=bins, exists=st.sampled_from(sorted(EXISTS)))
    def put(self, key: Any, bins: dict[str, Any], exists: str) -> None:
        expected = {"CREATE": 5 if key in self.records else 0}.get(exists, 0)
        expected = 2 if exists == "UPDATE" and key not in self.records else expected
        if expected == 0:
            expected = self.apply(key, bins)
        policy = {"exists": EXISTS[exists]}
        assert self.code_of(lambda: self.client.put(self.key(key), bins, policy=policy)) == expected

    @rule(key=keys, bins=bins, generation=st.integers(0, 4))
    def put_at_generation(self, key: Any, bins: dict[str, Any], generation: int) -> None:
        right = self.records.get(key, (0, {}))[0] == generation
        expected = self.apply(key, bins) if right else 3
        meta = {"gen": generation}
        assert self.code_of(lambda: self.client.put(self.key(key), bins, meta)) == expected

    @rule(key=keys)
    def remove(self, key: Any) -> None:
        expected = 0 if self.records.pop(key, None) else 2
        assert self.code_of(lambda: self.client.remove(self.key(key))) == expected

    @rule(key=keys, name=names)
    def remove_bin(self, key: Any, name: str) -> None:
        expected = self.apply(key, {name: None})
        assert self.code_of(lambda: self.client.remove_bin(self.key(key), [name])) == expected

    @rule(key=keys)
    def touch(self, key: Any) -> None:
        if key in self.records:
            generation, held = self.records[key]
            self.records[key] = (generation + 1, held)
        code = self.code_of(lambda: self.client.touch(self.key(key), 1000))
        assert code == (0 if key in self.records else 2)

    @rule(key=keys, name=names, text=st.text(max_size=3), front=st.booleans())
    def append_or_prepend(self, key: Any, name: str, text: str, front: bool) -> None:
        old = self.records.get(key, (0, {}))[1].get(name)
        expected = 12
        if old is None or isinstance(old, str):
            joined = text + (old or "") if front else (old or "") + text
            expected = self.apply(key, {name: joined})
        call = self.client.prepend if front else self.client.append
        assert self.code_of(lambda: call(self.key(key), name, text)) == expected

    @rule(key=keys, name=names, by=st.one_of(st.integers(-9, 9), st.sampled_from([0.5, -2.0])))
    def increment(self, key: Any, name: str, by: float) -> None:
        old = self.records.get(key, (0, {}))[1].get(name)
        expected = 12
        if old is None or type(old) is type(by):
            total = (old or 0) + by
            if isinstance(by, int):
                total = (int(total) + 2**63) % 2**64 - 2**63
            expected = self.apply(key, {name: total})
        assert self.code_of(lambda: self.client.increment(self.key(key), name, by)) == expected

    @rule(rows=st.lists(st.tuples(keys, bins), max_size=6, unique_by=lambda r: str(r[0])))
    def batch_write(self, rows: list[tuple[Any, dict[str, Any]]]) -> None:
        expected = [self.apply(key, new) for key, new in rows]
        got = self.client.batch_write([(self.key(key), new) for key, new in rows])
        assert got.result_codes.tolist() == expected
        assert not got.in_doubt.any() and (got.attempts == 1).all()

    @rule(some=st.lists(keys, max_size=6, unique_by=str))
    def batch_remove(self, some: list[Any]) -> None:
        expected = [0 if self.records.pop(key, None) else 2 for key in some]
        got = self.client.batch_remove([self.key(key) for key in some])
        assert got.result_codes.tolist() == expected

    @rule()
    def truncate(self) -> None:
        self.client.truncate(NAMESPACE, SET)
        self.records.clear()

    @rule(key=keys, some=st.lists(names, min_size=1, max_size=3))
    def select(self, key: Any, some: list[str]) -> None:
        if key in self.records:
            held = self.records[key][1]
            got = self.client.select(self.key(key), some)
            assert got.bins.keys() == {name for name in some if name in held}
        else:
            assert self.code_of(lambda: self.client.select(self.key(key), some)) == 2

    @rule(some=st.lists(keys, max_size=8))
    def batch_read(self, some: list[Any]) -> None:
        wanted = [self.records.get(key) for key in some]
        got = self.client.batch_read(
            [self.key(key) for key in some], _dtype=[("i", "O"), ("l", "O")]
        )
        assert got.result_codes.tolist() == [2 if w is None else 0 for w in wanted]
        assert got.meta["gen"].tolist() == [0 if w is None else w[0] for w in wanted]
        for name in ("i", "l"):
            held = [None if w is None else w[1].get(name) for w in wanted]
            assert got.batch_records[name].tolist() == held
            assert got.mask[name].tolist() == [h is None for h in held]

    @invariant()
    def records_are_the_models(self) -> None:
        everyone = [0, 1, 2, 3, 4, 5, "a", "b", ""]
        got = self.client.batch_read([self.key(key) for key in everyone]).batch_records
        for key, row in zip(everyone, got, strict=True):
            if key not in self.records:
                assert row.result == 2 and row.record is None
                assert self.client.exists(self.key(key)).meta is None
                continue
            generation, held = self.records[key]
            assert row.record.bins == held and row.record.meta.gen == generation
            one = self.client.get(self.key(key))
            assert one.bins == held and one.meta.gen == generation
            assert [type(v) for v in one.bins.values()] == [type(held[n]) for n in one.bins]


TestModel = Model.TestCase
TestModel.settings = settings(
    max_examples=25,
    stateful_step_count=30,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.too_slow],
)
