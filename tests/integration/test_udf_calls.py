"""Functions of records, called on our node: modules, values, records and errors.

The modules are in tests/modules; of most, each function is a test of its own, which fails or returns true.
"""

from __future__ import annotations

import hashlib
import re
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from server import NAMESPACE

import aerospike_np as aerospike
from aerospike_np import exception as e
from aerospike_np import exp
from aerospike_np.helpers.batch.records import Apply as ApplyRow
from aerospike_np.helpers.batch.records import BatchRecords, Remove, Write
from aerospike_np.helpers.operations import hll_operations as hlls
from aerospike_np.helpers.operations import list_operations as lists
from aerospike_np.helpers.operations import operations
from aerospike_np.local import LocalCluster

pytestmark = pytest.mark.sets("udf")

MODULES = Path(__file__).resolve().parents[1] / "modules"
KEY = (NAMESPACE, "udf", 1)
FOLDER = "/opt/aerospike/usr/udf/usr/udf/lua"

Put = Callable[[str], None]
Apply = Callable[..., Any]


@pytest.fixture(scope="module", autouse=True)
def modules(client: aerospike.Client) -> Iterator[None]:
    paths = sorted(MODULES.glob("*.lua"))
    for path in paths:
        client.udf_put(path)
    yield
    for path in paths:
        client.udf_remove(path.name)


@pytest.fixture
def put(client: aerospike.Client, tmp_path: Path) -> Iterator[Put]:
    """Registers a source as the module anp_mod, for the test only."""

    def register(source: str) -> None:
        path = tmp_path / "anp_mod.lua"
        path.write_text(source)
        client.udf_put(path)

    yield register
    client.udf_remove("anp_mod")


@pytest.fixture
def record(client: aerospike.Client) -> Apply:
    """Calls a function of anp_records with the record KEY, which has the bins a and l before."""
    if client.exists(KEY).meta is not None:
        client.remove(KEY)
    client.put(KEY, {"a": 1, "l": [1]})

    def call(function: str, *args: Any, **policy: Any) -> Any:
        return client.apply(KEY, "anp_records", function, list(args), policy=policy)

    return call


@pytest.fixture
def missing(client: aerospike.Client) -> tuple[str, str, str]:
    key = (NAMESPACE, "udf", "missing")
    if client.exists(key).meta is not None:
        client.remove(key)
    return key


# ---- modules ----


def test_module_is_put_listed_got_and_removed(client: aerospike.Client, put: Put) -> None:
    source = "function one(rec)\n  return 1\nend\n"
    put(source)
    sha1 = hashlib.sha1(source.encode()).hexdigest()
    assert {"name": "anp_mod.lua", "hash": sha1, "type": 0} in client.udf_list()
    assert client.udf_get("anp_mod") == source
    assert client.apply(KEY, "anp_mod", "one") == 1
    put(source.replace("1", "2"))
    assert client.apply(KEY, "anp_mod", "one") == 2
    client.udf_remove("anp_mod")
    assert "anp_mod.lua" not in [module["name"] for module in client.udf_list()]
    client.udf_remove("anp_mod")
    with pytest.raises(e.LuaFileNotFound):
        client.udf_get("anp_mod")


@pytest.mark.parametrize(
    ("source", "words"),
    [
        ("function one(rec)\n  return 1\nend end\n", r"anp_mod\.lua, line 3: .*'end'"),
        ("x = 1\nx = x.y.z\n", r"anp_mod\.lua, line 2: attempt to index"),
        ("\x1bLuaR", "binary"),
        ("while true do end", "steps"),
        ("x = string.rep('x', 2^20):rep(2^20)", "too large"),
        ("require 'anp_none'", "'anp_none' not found"),
        ("aerospike:update(1)", "Record|userdata"),
    ],
)
def test_module_that_can_not_be_loaded_is_refused(
    client: aerospike.Client, put: Put, source: str, words: str
) -> None:
    with pytest.raises(e.UDFError, match=words):
        put(source)
    assert "anp_mod.lua" not in [module["name"] for module in client.udf_list()]


def test_module_may_require_another(client: aerospike.Client, put: Put) -> None:
    put("local m = require('anp_records')\nfunction two(rec, ...) return echo(rec, ...) end\n")
    assert client.apply(KEY, "anp_mod", "two", ["x"]) == "x"


@pytest.mark.needs_embedded("a cluster of its own")
def test_modules_are_known_to_all_nodes_of_a_cluster() -> None:
    with LocalCluster(3) as cluster, cluster.client() as client:
        client.udf_put(MODULES / "anp_records.lua")
        for i in range(30):
            assert client.apply(("test", "udf", i), "anp_records", "echo", [i]) == i


# ---- objects ----


def functions(*modules: str) -> list[tuple[str, str]]:
    return [
        (module, name)
        for module in modules
        for name in re.findall(r"^function (\w+)\(rec", (MODULES / f"{module}.lua").read_text(), re.M)
    ]


@pytest.mark.parametrize(
    ("module", "function"), functions("anp_lists", "anp_maps", "anp_bytes", "anp_strings")
)
def test_objects(client: aerospike.Client, module: str, function: str) -> None:
    assert client.apply(KEY, module, function) is True


# ---- values ----

VALUES = [
    None, True, False, 0, -1, 2**63 - 1, -(2**63), 1.5, float("inf"), "", "text", "é\0x", b"", b"\0\xff",
    [], [1, [2, [3, None]]], {}, {"a": 1, 2: [b"x"], b"k": {"b": None}}, [[{"a": [{}]}]], list(range(1000)),
    aerospike.GeoJSON('{"type": "Point", "coordinates": [1.0, 2.0]}'),
]  # fmt: skip


@pytest.mark.parametrize("value", VALUES, ids=lambda v: repr(v)[:30])
def test_value_comes_back_as_it_was_given(
    record: Apply, client: aerospike.Client, value: Any
) -> None:
    assert record("echo", value) == value
    if value is not None:
        assert record("put", {"v": value}) == 0
        assert client.get(KEY).bins["v"] == value
        assert record("bins")["v"] == value


def test_integers_doubles_and_booleans_are_told_apart(record: Apply) -> None:
    assert record("types", 1, 1.0, True, "x", b"x", [1]) == [
        "integer", "float", "boolean", "string", "userdata", "userdata",
    ]  # fmt: skip
    assert str(record("echo", 1.0)) == "1.0"


def test_only_the_first_result_counts(record: Apply) -> None:
    assert record("echo", 1, 2, 3) == 1
    assert record("echo") is None


def test_ordered_lists_and_maps_stay_ordered(record: Apply, client: aerospike.Client) -> None:
    client.operate(KEY, [lists.list_set_order("l", 1), lists.list_append("l", 5)])
    record("append_twice", 3)
    assert client.get(KEY).bins["l"] == [1, 3, 3, 5]
    client.operate(KEY, [lists.list_append("l", 4)])
    assert client.get(KEY).bins["l"] == [1, 3, 3, 4, 5]


def test_hyperloglogs_keep_their_type(record: Apply, client: aerospike.Client) -> None:
    client.operate(KEY, [hlls.hll_add("h", ["a", "b", "c"], 8)])
    record("copy", "h", "again")
    _, _, bins = client.operate(KEY, [hlls.hll_get_count("again")])
    assert bins == {"again": 3}


# ---- records ----


def test_record_is_created_updated_and_removed(
    client: aerospike.Client, missing: tuple[str, str, str]
) -> None:
    def call(function: str) -> Any:
        return client.apply(missing, "anp_records", function)

    assert call("about")["exists"] is False
    assert call("update") == -2 and call("remove") == 1
    assert client.exists(missing).meta is None
    assert call("create") == 0
    assert client.get(missing).bins == {"a": 1} and client.get(missing).meta.gen == 1
    assert call("create") == 1
    assert call("update") == 0
    assert client.get(missing).bins == {"a": 2} and client.get(missing).meta.gen == 2
    assert call("remove") == 0
    assert client.exists(missing).meta is None


def test_function_that_only_reads_writes_nothing(record: Apply, client: aerospike.Client) -> None:
    before = client.get(KEY)
    assert record("bins") == {"a": 1, "l": [1]}
    assert record("set_without_update") == 99
    assert client.get(KEY) == before


def test_what_is_known_about_a_record(record: Apply, client: aerospike.Client) -> None:
    client.put(KEY, {"b": 2}, policy={"key": aerospike.POLICY_KEY_SEND}, meta={"ttl": 1000})
    about = record("about")
    assert about.pop("gen") == client.get(KEY).meta.gen
    assert 990 <= about.pop("ttl") <= 1000
    assert about == {
        "exists": True,
        "set": KEY[1],
        "key": 1,
        "digest": aerospike.calc_digest(*KEY),
        "numbins": 3,
    }


def test_bin_is_removed_and_with_the_last_one_the_record(
    record: Apply, client: aerospike.Client
) -> None:
    assert record("drop_bin", "l") == 0
    assert client.get(KEY).bins == {"a": 1}
    assert record("drop_bin", "a") == 0
    assert client.exists(KEY).meta is None


def test_bin_is_one_object_however_often_it_is_read(
    record: Apply, client: aerospike.Client
) -> None:
    assert record("append_twice", 7) == 3
    assert client.get(KEY).bins["l"] == [1, 7, 7]


def test_time_to_live_and_key_are_set(record: Apply, client: aerospike.Client) -> None:
    record("with_ttl", 100)
    assert 90 <= client.get(KEY).meta.ttl <= 100
    record("with_ttl", -2)
    assert 90 <= client.get(KEY).meta.ttl <= 100
    record("with_ttl", -1)
    assert client.get(KEY).meta.ttl == aerospike.TTL_NEVER_EXPIRE
    record("update", ttl=200)
    assert 190 <= client.get(KEY).meta.ttl <= 200
    client.put(KEY, {"a": 1}, policy={"key": aerospike.POLICY_KEY_SEND})
    assert record("about")["key"] == 1
    record("without_key")
    assert record("about").get("key") is None


def test_what_was_handed_over_before_an_error_stays(
    record: Apply, client: aerospike.Client
) -> None:
    with pytest.raises(e.UDFError, match="too late"):
        record("fails_after_update")
    assert client.get(KEY).bins["a"] == "kept"


def test_record_may_be_removed_and_made_again(record: Apply, client: aerospike.Client) -> None:
    record("update")
    assert record("removes_and_creates") == 0
    assert client.get(KEY).bins == {"b": 2} and client.get(KEY).meta.gen == 1


@pytest.mark.parametrize(
    ("values", "error"),
    [
        ({"a": "x" * (1 << 20)}, e.RecordTooBig),
        ({"a": ["x" * 1000] * 2000}, e.RecordTooBig),
        ({"n" * 16: 1}, e.BinNameError),
        ({"": 1}, e.BinNameError),
    ],
)
def test_record_that_can_not_be_kept_has_the_servers_code(
    record: Apply, client: aerospike.Client, values: dict[str, Any], error: type[Exception]
) -> None:
    before = client.get(KEY)
    with pytest.raises(error):
        record("put", values)
    assert client.get(KEY) == before


def test_filter_keeps_the_function_from_the_record(record: Apply, client: aerospike.Client) -> None:
    assert record("update", expressions=exp.int_bin("a") == 1) == 0
    with pytest.raises(e.FilteredOut):
        record("update", expressions=exp.int_bin("a") == 1)
    assert client.get(KEY).bins["a"] == 2


def test_a_call_sees_nothing_of_another(record: Apply) -> None:
    assert [record("counts") for _ in range(3)] == [1, 1, 1]
    assert record("random") == record("random")


def test_functions_may_log_and_ask_for_the_time(record: Apply) -> None:
    assert record("logs") is True


def test_threads_call_functions_side_by_side(client: aerospike.Client) -> None:
    wrong: list[Any] = []

    def work(number: int) -> None:
        key = (NAMESPACE, "udf", f"thread{number % 2}")
        for i in range(50):
            value = {"n": [number, i]}
            if client.apply(key, "anp_records", "echo", [value]) != value:
                wrong.append(value)
            client.apply(key, "anp_records", "put", [value])

    threads = [threading.Thread(target=work, args=(i,)) for i in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong


# ---- batches ----


@pytest.fixture
def keys(client: aerospike.Client) -> list[tuple[str, str, int]]:
    """Twenty keys; those of even number have a record."""
    made = [(NAMESPACE, "udf", 100 + i) for i in range(20)]
    client.batch_remove(made)
    client.batch_write([(key, {"a": key[2], "l": []}) for key in made[::2]]).raise_for_status()
    return made


def test_functions_are_called_for_each_row_of_a_batch(client: Any, keys: Any) -> None:
    got = client.batch_apply(keys, "anp_records", "put", [{"b": "x"}])
    assert got.result_codes.tolist() == [0] * 20
    assert [record.record.bins for record in got.batch_records] == [{"SUCCESS": 0}] * 20
    assert [record.record.meta.gen for record in got.batch_records] == [2, 1] * 10
    bins = [record.record.bins for record in client.batch_read(keys).batch_records]
    assert bins == [{"b": "x"} if k[2] % 2 else {"a": k[2], "l": [], "b": "x"} for k in keys]


def test_rows_fail_and_are_filtered_one_by_one(client: Any, keys: Any) -> None:
    got = client.batch_apply(keys, "anp_records", "append_twice", [1])
    assert got.result_codes.tolist() == [0, 100] * 10
    assert "userdata expected, got nil" in got.batch_records[1].record.bins["FAILURE"]
    policy = {"expressions": exp.int_bin("a") >= 110}
    got = client.batch_apply(keys, "anp_records", "update", [], policy_batch_apply=policy)
    assert got.result_codes.tolist() == [27, 0] * 5 + [0, 0] * 5  # no filter without a record
    values = [record.record.bins.get("SUCCESS") for record in got.batch_records[10:]]
    assert values == [0, -2] * 5


def test_functions_stand_beside_other_rows(client: Any, keys: Any) -> None:
    batch = BatchRecords([
        Write(keys[0], [operations.write("a", 5)]),
        ApplyRow(keys[0], "anp_records", "put", [{"a": 6}]),
        ApplyRow(keys[0], "anp_records", "bins", []),
        ApplyRow(keys[0], "anp_none", "f", []),
        Remove(keys[0]),
        ApplyRow(keys[0], "anp_records", "about", []),
    ])  # fmt: skip
    client.batch_write(batch)
    rows = batch.batch_records
    assert [row.result for row in rows] == [0, 0, 0, 100, 0, 0]
    assert rows[2].record.bins == {"SUCCESS": {"a": 6, "l": []}}
    assert rows[3].record.bins == {"FAILURE": "UDF: Execution Error 1"}
    assert rows[5].record.bins["SUCCESS"]["exists"] is False


def test_batches_may_be_large(client: Any) -> None:
    keys = [(NAMESPACE, "udf", 1000 + i) for i in range(2000)]
    got = client.batch_apply(keys, "anp_records", "echo", ["x" * 500])
    assert got.result == 0
    assert all(r.record.bins["SUCCESS"] == "x" * 500 for r in got.batch_records)


# ---- errors ----


@pytest.mark.parametrize(
    ("body", "text"),
    [
        ('error("boom")', f"{FOLDER}/anp_mod.lua:2: boom"),
        ('error("boom", 0)', "boom"),
        ("return 1 + {}", f"{FOLDER}/anp_mod.lua:2: attempt to perform arithmetic on a table value"),
        ("return none.x", f"{FOLDER}/anp_mod.lua:2: attempt to index a nil value (global 'none')"),
        ("error({})", "UDF: the error is no text"),
        ("error()", "UDF: the error is no text"),
        ("return {}", "the result: a table is no value"),
        ("return f", "the result: a function is no value"),
        ("return rec", "the result: a record is no value"),
        ("local l = list() list.append(l, l) return l", "the result: nested more than"),
        ("rec.a = {}", "bin a: a table can't be stored"),
        ("local l = list() for i = 1, 200 do local m = list() list.append(m, l) l = m end rec.a = l "
         "aerospike:update(rec)", "bin a: nested more than"),
        ("return geojson('no json')", f"{FOLDER}/anp_mod.lua:2: bad argument #1 to 'geojson'"),
    ],
)  # fmt: skip
def test_failure_says_where_and_what(
    client: aerospike.Client, put: Put, body: str, text: str
) -> None:
    put(f"function f(rec)\n  {body}\nend\n")
    with pytest.raises(e.UDFError, match=re.escape(text)) as caught:
        client.apply(KEY, "anp_mod", "f")
    assert caught.value.code == 100
    assert (caught.value.module, caught.value.func) == ("anp_mod", "f")
    assert not caught.value.in_doubt


@pytest.mark.parametrize(
    ("module", "function", "text"),
    [
        ("anp_none", "f", "UDF: Execution Error 1"),
        ("anp_records", "none", "function not found"),
        ("anp_records", "counter", "function not found"),
    ],
)
def test_unknown_modules_and_functions_have_the_servers_words(
    client: aerospike.Client, module: str, function: str, text: str
) -> None:
    with pytest.raises(e.UDFError, match=text):
        client.apply(KEY, module, function)
