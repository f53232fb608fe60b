"""Batches of operations, functions and mixed rows: the other clients' against our node, and ours beside them."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.filterwarnings("ignore:.*deprecated:DeprecationWarning")

HELPERS = {"aerospike": "aerospike_helpers", "aerospike_np": "aerospike_np.helpers"}
Row = tuple[int, Any, Any]  # code, bins, generation

LUA = """
function add(rec, n)
    if not aerospike:exists(rec) then error("no record") end
    rec.n = rec.n + n
    aerospike:update(rec)
    return rec.n
end
"""


class Side:
    """A client, and the helpers that go with it."""

    def __init__(self, name: str, client: Any) -> None:
        helpers = HELPERS[name]
        self.name, self.client = name, client
        self.op = import_module(f"{helpers}.operations.operations")
        self.lists = import_module(f"{helpers}.operations.list_operations")
        self.maps = import_module(f"{helpers}.operations.map_operations")
        self.e = import_module(f"{helpers}.expressions")
        self.records = import_module(f"{helpers}.batch.records")


@pytest.fixture
def sides(client_of: Callable[[str], Any]) -> list[Side]:
    return [Side(name, client_of(name).client) for name in HELPERS]


def rows(result: Any) -> list[Row]:
    """What both clients tell of a row."""
    return [
        (row.result, row.record and row.record[2], row.record and row.record[1]["gen"])
        for row in result.batch_records
    ]


def fill(side: Side, name: str) -> list[tuple[str, str, Any]]:
    """Five keys, of which the last has no record."""
    keys = [("test", name, i) for i in range(5)]
    for key in keys:
        if side.client.exists(key)[1] is not None:
            side.client.remove(key)
    for key in keys[:-1]:
        side.client.put(key, {"n": key[2], "l": [1, key[2]], "m": {"a": key[2]}, "s": "x"})
    return keys


OPERATIONS: dict[str, Callable[[Side], tuple[Any, ...]]] = {
    "reads": lambda s: ([s.op.read("n"), s.lists.list_size("l"), s.maps.map_size("m")],),
    "all bins": lambda s: ([s.op.read("")],),
    "increments": lambda s: ([s.op.increment("n", 3), s.op.read("n")],),
    "a type that is not the bin's": lambda s: ([s.op.increment("s", 3), s.op.read("s")],),
    "lists and maps": lambda s: (
        [s.lists.list_append("l", 9), s.op.read("l"), s.maps.map_put("m", "b", 2), s.op.read("m")],
    ),
    "updates only": lambda s: ([s.op.write("n", 1)], None, {"exists": 2}),
    "creates only": lambda s: ([s.op.write("n", 1)], None, {"exists": 1}),
    "a filter": lambda s: (
        [s.op.write("n", 1)],
        {"expressions": s.e.GT(s.e.IntBin("n"), 1).compile()},
    ),
    "a time to live": lambda s: ([s.op.write("n", 1)], None, None, 1000),
}


@pytest.mark.parametrize("name", OPERATIONS)
def test_operations_come_to_the_same(sides: list[Side], fresh: str, name: str) -> None:
    found = []
    for side in sides:
        keys = fill(side, fresh)
        got = side.client.batch_operate(keys, *OPERATIONS[name](side))
        after = sides[0].client.batch_read(keys)
        found.append((got.result, rows(got), rows(after)))
    assert found[0] == found[1]


def mixed(side: Side, keys: Any) -> list[Any]:
    r, op = side.records, side.op
    small = side.e.LT(side.e.IntBin("n"), 1).compile()
    return [
        r.Read(keys[0], [op.read("n")]),
        r.Read(keys[1], None, read_all_bins=True),
        r.Read(keys[4], [op.read("n")]),
        r.Write(keys[0], [op.increment("n", 5), op.read("n")]),
        r.Write(keys[1], [op.write("n", 5)], meta={"gen": 7}, policy={"gen": 1}),
        r.Write(keys[4], [op.write("n", 5), op.read("n")], policy={"exists": 1, "key": 1}),
        r.Write(keys[2], [op.append("n", "x")]),
        r.Read(keys[3], [op.read("n")], policy={"expressions": small}),
        r.Apply(keys[2], "anp_peers", "add", [4]),
        r.Remove(keys[3]),
        r.Remove(keys[3]),
    ]


def test_mixed_rows_come_to_the_same(sides: list[Side], fresh: str, tmp_path: Path) -> None:
    path = tmp_path / "anp_peers.lua"
    path.write_text(LUA)
    sides[1].client.udf_put(path)
    found = []
    for side in sides:
        keys = fill(side, fresh)
        batch = side.records.BatchRecords(mixed(side, keys))
        assert side.client.batch_write(batch) is batch
        after = sides[0].client.batch_read(keys)
        found.append((batch.result, rows(batch), rows(after)))
        assert not any(row.in_doubt for row in batch.batch_records)
    sides[1].client.udf_remove("anp_peers.lua")
    assert found[0] == found[1]
    assert [code for code, _, _ in found[0][1]] == [0, 0, 2, 0, 3, 0, 12, 27, 0, 0, 2]


def test_functions_come_to_the_same_and_ours_keep_why_they_failed(
    sides: list[Side], fresh: str, tmp_path: Path
) -> None:
    path = tmp_path / "anp_peers.lua"
    path.write_text(LUA)
    sides[1].client.udf_put(path)
    found = []
    for side in sides:
        got = side.client.batch_apply(fill(side, fresh), "anp_peers", "add", [2])
        found.append((got.result, rows(got)))
    sides[1].client.udf_remove("anp_peers.lua")
    (result, official), (our_result, ours) = found
    assert result == our_result == -16 and official[:-1] == ours[:-1]
    assert official[-1][:2] == (100, None) and ours[-1][0] == 100
    assert "no record" in ours[-1][1]["FAILURE"]


def test_functions_of_aerospike_py_fail_with_the_same_words(
    client_of: Callable[[str], Any], fresh: str
) -> None:
    keys = [("test", fresh, 1)]
    said = [
        client_of(name).client.batch_apply(keys, "nowhere", "fn").batch_records[0].record.bins
        for name in ("aerospike_py", "aerospike_np")
    ]
    assert said[0] == said[1] and list(said[0]) == ["FAILURE"]
