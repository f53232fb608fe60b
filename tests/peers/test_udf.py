"""Modules and functions of records, as the official client and aerospike-py put and call them on our node."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

MODULES = Path(__file__).resolve().parents[1] / "modules"
SOURCE = "function one(rec)\n  return 1\nend\n"
OBJECTS = ["anp_lists", "anp_maps", "anp_bytes", "anp_strings"]


@pytest.fixture(scope="module", autouse=True)
def modules(client_of: Callable[[str], Any]) -> Iterator[None]:
    """All modules, put by our client: others look only once a second whether one is there."""
    client = client_of("aerospike_np").client
    for path in sorted(MODULES.glob("*.lua")):
        client.udf_put(path)
    yield
    for path in MODULES.glob("*.lua"):
        client.udf_remove(path.name)


@pytest.fixture(autouse=True)
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The official client leaves a copy of each module that it puts in the folder where it runs."""
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")


@pytest.fixture(params=["aerospike", "aerospike_py"])
def peer(request: pytest.FixtureRequest, client_of: Callable[[str], Any]) -> Any:
    """A client itself."""
    return client_of(request.param).client


@pytest.fixture
def official(client_of: Callable[[str], Any]) -> Any:
    return client_of("aerospike").client


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where a test may write modules. The official client leaves copies of them where it works: elsewhere."""
    (tmp_path / "copies").mkdir()
    monkeypatch.chdir(tmp_path / "copies")
    return tmp_path


@pytest.fixture
def key(fresh: str) -> tuple[str, str, str]:
    return ("test", fresh, "k")


def functions(module: str) -> list[str]:
    text = (MODULES / f"{module}.lua").read_text()
    return re.findall(r"^function (\w+)\(rec", text, re.M)


def test_objects_do_what_modules_expect(peer: Any, key: Any) -> None:
    for module in OBJECTS:
        for name in functions(module):
            assert peer.apply(key, module, name, []) in (True, 1), name


def test_values_go_in_and_come_back(peer: Any, key: Any) -> None:
    values = [None, 1, -(2**63), 2.5, "text", b"\0\1", [1, ["x", None]], {"a": {"b": [1]}}]
    for value in values:
        assert peer.apply(key, "anp_records", "echo", [value]) == value
    assert peer.apply(key, "anp_records", "put", [{"a": 1, "b": ["x"]}]) == 0
    assert peer.apply(key, "anp_records", "bins", []) == {"a": 1, "b": ["x"]}


def test_failures_are_told(peer: Any, key: Any) -> None:
    with pytest.raises(Exception, match="function not found"):
        peer.apply(key, "anp_records", "none", [])


def test_peer_puts_and_removes_modules(peer: Any, key: Any, folder: Path) -> None:
    path = folder / "anp_one.lua"
    path.write_text(SOURCE)
    peer.udf_put(str(path))
    assert peer.apply(key, "anp_one", "one", []) == 1
    peer.udf_remove("anp_one.lua")
    with pytest.raises(Exception, match="Execution Error 1"):
        peer.apply(key, "anp_one", "one", [])


def test_official_client_reads_modules_and_why_one_is_refused(
    official: Any, modules: None, folder: Path
) -> None:
    from aerospike import exception

    path = MODULES / "anp_lists.lua"
    listed = {module["name"]: module["hash"] for module in official.udf_list()}
    found = listed["anp_lists.lua"]
    text = found if isinstance(found, str) else bytes(found).decode()
    assert text == hashlib.sha1(path.read_bytes()).hexdigest()
    assert official.udf_get("anp_lists.lua") == path.read_text()
    bad = folder / "anp_bad.lua"
    bad.write_text("function (")
    with pytest.raises(exception.UDFError):
        official.udf_put(str(bad))


def test_official_client_calls_functions_in_batches(official: Any, fresh: str) -> None:
    from aerospike_helpers.batch import records

    keys = [("test", fresh, i) for i in range(10)]
    got = official.batch_apply(keys, "anp_records", "put", [{"a": 7}])
    assert [row.result for row in got.batch_records] == [0] * 10
    assert [row.record[2] for row in got.batch_records] == [{"SUCCESS": 0}] * 10
    batch = records.BatchRecords([
        records.Apply(keys[0], "anp_records", "bins", []),
        records.Apply(keys[1], "anp_records", "none", []),
        records.Read(keys[2], None, read_all_bins=True),
    ])  # fmt: skip
    official.batch_write(batch)
    rows = batch.batch_records
    assert [row.result for row in rows] == [0, 100, 0]
    assert rows[0].record[2] == {"SUCCESS": {"a": 7}}
    assert rows[2].record[2] == {"a": 7}


def test_official_client_s_filters_and_times_to_live(official: Any, key: Any) -> None:
    from aerospike import exception
    from aerospike_helpers import expressions as exp

    official.put(key, {"a": 1})
    no = exp.Eq(exp.IntBin("a"), 5).compile()
    with pytest.raises(exception.FilteredOut):
        official.apply(key, "anp_records", "update", [], policy={"expressions": no})
    assert official.apply(key, "anp_records", "update", [], policy={"ttl": 300}) == 0
    _, meta, bins = official.get(key)
    assert bins == {"a": 2} and 290 <= meta["ttl"] <= 300 and meta["gen"] == 2
