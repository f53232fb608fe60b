"""What can't be right is refused by name, before anything is sent; nothing crashes, nothing is lost."""

from __future__ import annotations

import pickle
import socket
from collections.abc import Iterator
from typing import Any

import numbered
import numpy as np
import pytest
from server import NAMESPACE, requests

import aerospike_np as aerospike
from aerospike_np import exception
from aerospike_np.local import LocalNode

KEY = (NAMESPACE, "bad", 1)
pytestmark = pytest.mark.sets("bad", "bad2", "huge")
Param, Type = exception.InvalidArgError, TypeError


@pytest.fixture
def client(node: Any) -> Iterator[aerospike.Client]:
    # No tend round comes between two looks at the node's counters.
    with node.client({"tend_interval": 600_000}) as client:
        client.put(KEY, {"a": 1, "s": "abc", "f": 1.5, "b": b"1234", "l": [1, 2]})
        yield client


def array(*fields: Any, n: int = 2) -> Any:
    return numbered.keyed(n, *fields)


def in_itself() -> list[Any]:
    loop: list[Any] = []
    loop.append(loop)
    return loop


# ---- hosts and configuration ----


@pytest.mark.parametrize(
    ("config", "error", "says"),
    [
        ({}, Param, "hosts"),
        ({"hosts": []}, Param, "empty"),
        ({"hosts": "127.0.0.1"}, Param, "list"),
        ({"hosts": [("127.0.0.1", 0)]}, Param, "65535"),
        ({"hosts": [("127.0.0.1", "x")]}, Param, "integer"),
        ({"hosts": [("", 3000)]}, Param, "host name"),
        ({"hosts": [5]}, Param, "no host"),
        ({"hosts": ["a:b"]}, Param, "number"),
        (5, Type, "dict"),
        ({"hosts": ["h"], "clustr_name": "x"}, Param, "did you mean 'cluster_name'"),
        ({"hosts": ["h"], "max_conns_per_node": 0}, Param, "max_conns_per_node must be from 1"),
        ({"hosts": ["h"], "min_conns_per_node": 9, "max_conns_per_node": 2}, Param, "above"),
        ({"hosts": ["h"], "tls": {"enable": True}}, Param, "TLS is not built yet"),
        ({"hosts": ["h"], "user": "me"}, Param, "authentication"),
        ({"hosts": ["h"], "policies": {"raed": {}}}, Param, "did you mean 'read'"),
        ({"host": ["h"]}, Param, "hosts"),
        ({"hosts": ["h"], "policies": {"read": {"total_timeot": 1}}}, Param, "total_timeout"),
        ({"hosts": ["h"], "policies": 5}, Type, "policies"),
    ],
)

def test_configuration_is_refused_by_name(config: Any, error: Any, says: str) -> None:
    with pytest.raises(error, match=says):
        aerospike.client(config)


def test_unknown_host_and_wrong_port_are_errors_that_name_them() -> None:
    with pytest.raises(exception.InvalidHostError, match="no.such.host.invalid"):
        aerospike.client({"hosts": [("no.such.host.invalid", 3000)]}).connect()
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        port = unused.getsockname()[1]
        with pytest.raises(exception.ClusterError, match=f"127.0.0.1:{port}.*port"):
            aerospike.client({"hosts": [("127.0.0.1", port)]}).connect()


def test_server_that_never_answers_is_an_error_and_not_a_hang() -> None:
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        config = {"hosts": [silent.getsockname()], "connect_timeout": 200}
        with pytest.raises(exception.AerospikeError, match="no answer"):
            aerospike.client(config).connect()


@pytest.mark.needs_embedded("a node of its own")
@pytest.mark.parametrize(
    "options",
    [
        {"port": 80000},
        {"port": -1},
        {"max_connections": 2**32},
        {"threads": -1},
        {"max_memory": -1},
    ],
)
def test_numbers_of_a_node_that_cannot_be_are_refused(options: dict[str, int]) -> None:
    with pytest.raises(Param, match=next(iter(options))):
        LocalNode(**options)


# ---- keys ----


@pytest.mark.parametrize(
    ("key", "error", "says"),
    [
        (1, Type, "tuple"),
        ((), Param, "0 elements"),
        ((NAMESPACE, "bad"), Param, "2 elements"),
        ((NAMESPACE, "bad", 1, b"x" * 20, 5), Param, "5 elements"),
        ((NAMESPACE, "bad", 1.5), Param, "float"),
        ((NAMESPACE, "bad", None), Param, "None"),
        ((NAMESPACE, "bad", True), Param, "bool"),
        ((NAMESPACE, "bad", [1]), Param, "list"),
        ((NAMESPACE, "bad", 2**63), Param, "64 bits"),
        ((NAMESPACE, "bad", 1, b"x"), Param, "20"),
        ((1, "bad", 1), Type, "namespace"),
        ((NAMESPACE, 1, 1), Type, "set"),
        (("", "bad", 1), Param, "empty"),
        (("n" * 32, "bad", 1), Param, "31"),
        ((NAMESPACE, "s" * 64, 1), Param, "63"),
    ],
)
@pytest.mark.parametrize("how", ["get", "put", "batch_read", "records", "batch_write"])
def test_keys_are_refused_before_anything_is_sent(
    node: Any, client: aerospike.Client, key: Any, error: Any, says: str, how: str
) -> None:
    before = requests(node)
    calls = {
        "get": lambda: client.get(key),
        "put": lambda: client.put(key, {"a": 1}),
        "batch_read": lambda: client.batch_read([KEY, key], _dtype=[("a", "i8")]),
        "records": lambda: client.batch_read([KEY, key]),
        "batch_write": lambda: client.batch_write([(KEY, {"a": 1}), (key, {"a": 1})]),
    }
    with pytest.raises(error, match=says) as caught:
        calls[how]()
    if how not in ("get", "put"):
        assert "[1]" in str(caught.value)
    assert requests(node) == before


def test_bad_key_far_down_a_list_is_found_before_the_first_is_sent(
    node: Any, client: aerospike.Client
) -> None:
    before = requests(node)
    keys = [KEY] * 60_000 + [(NAMESPACE, "bad", 1.5)] + [KEY]
    with pytest.raises(Param, match=r"keys\[60000\]"):
        client.batch_read(keys, _dtype=[("a", "i8")])
    assert requests(node) == before


@pytest.mark.parametrize(
    ("keys", "where", "error", "says"),
    [
        ("abc", {}, Type, "str"),
        ({1: 2}, {}, Type, "dict"),
        (5, {}, Type, "int"),
        (np.arange(3), {}, Type, "namespace="),
        ([1.5], {"namespace": NAMESPACE, "set_name": "bad"}, Param, r"keys\[0\]"),
        (np.zeros(3), {"namespace": NAMESPACE, "set_name": "bad"}, Type, "float64"),
        (np.zeros((2, 2), "i8"), {"namespace": NAMESPACE, "set_name": "bad"}, Type, "1-D"),
        (
            np.array([1, 2**63], "u8"),
            {"namespace": NAMESPACE, "set_name": "bad"},
            Param,
            r"keys\[1\]",
        ),
        ([1], {"set_name": "bad"}, Param, "namespace"),
        ([1], {"namespace": "n" * 32, "set_name": "bad"}, Param, "31"),
    ],
)
def test_keys_of_arrays_are_refused_by_name(
    client: aerospike.Client, keys: Any, where: Any, error: Any, says: str
) -> None:
    with pytest.raises(error, match=says):
        client.batch_read(keys, _dtype=[("a", "i8")], **where)


# ---- bins and values ----


@pytest.mark.parametrize(
    ("bins", "error", "says"),
    [
        (5, Type, "dict"),
        ({}, Param, "0 bins"),
        ({"": 1}, Param, "empty"),
        ({"x" * 16: 1}, Param, "15"),
        ({"ü" * 8: 1}, Param, "15"),
        ({"a\0": 1}, Param, "NUL"),
        ({1: 1}, Type, "str"),
        ({"a": object()}, Type, 'bin "a"'),
        ({"a": 2**63}, Param, "64 bits"),
        ({"a": 1j}, Type, "complex"),
        ({"a": {1.5: 1}}, Param, "keys"),
        ({"a": "\ud800"}, Param, "surrogates"),
        ({"a": np.datetime64("2020")}, Type, "integers"),
        ({"a": in_itself()}, Param, "deep"),
    ],
)
def test_bins_are_refused_before_anything_is_sent(
    node: Any, client: aerospike.Client, bins: Any, error: Any, says: str
) -> None:
    before = requests(node)
    with pytest.raises(error, match=says):
        client.put(KEY, bins)
    with pytest.raises(error):
        client.batch_write([(KEY, {"a": 1}), (KEY, bins)])
    assert requests(node) == before
    assert client.get(KEY).bins["a"] == 1


@pytest.mark.parametrize(
    ("policy", "error", "says"),
    [
        ({"totl_timeout": 1}, Param, "did you mean 'total_timeout'"),
        ({"Total_Timeout": 1}, Param, "did you mean 'total_timeout'"),
        ({"total_timeout": -1}, Param, "0 to"),
        ({"total_timeout": "1"}, Param, "integer"),
        ({"max_retries": 2**40}, Param, "max_retries"),
        ({1: 1}, Param, "strings"),
        (5, Type, "dict"),
        ({"expressions": [1]}, Param, "expression"),
        ({"filter_expression": {"x": 1}}, Param, "expression"),
        ({"txn": object()}, Param, "transactions"),
    ],
)
def test_policies_are_refused_and_a_filter_is_never_ignored(
    client: aerospike.Client, policy: Any, error: Any, says: str
) -> None:
    for call in (client.get, client.exists, client.remove):
        with pytest.raises(error, match=says):
            call(KEY, policy=policy)
    with pytest.raises(error, match=says):
        client.batch_read([KEY], policy=policy)
    with pytest.raises(error, match=says):
        client.put(KEY, {"a": 1}, policy=policy)


# ---- dtypes and memory ----
@pytest.mark.parametrize(
    ("dtype", "says"),
    [
        ("i8", "no fields"),
        ([("a", "c16")], "complex"),
        ([("a", "g")], "long double"),
        ([("a", "S0")], "length"),
        ([("a", "zz")], "no dtype"),
        ([("a", "S4", (2,))], "numbers"),
        ([("a", [("x", "O")])], "object"),
        (np.dtype({"names": ["a", "s"], "formats": ["i8", "S4"], "offsets": [0, 4]}), "overlap"),
    ],
)
def test_dtypes_that_no_value_can_go_to_are_refused_by_name(
    node: Any, client: aerospike.Client, dtype: Any, says: str
) -> None:
    before = requests(node)
    with pytest.raises(TypeError, match=says):
        client.batch_read([KEY], _dtype=dtype)
    assert requests(node) == before


def read_only(n: int = 1) -> Any:
    out = np.zeros(n, [("a", "i8")])
    out.setflags(write=False)
    return out


@pytest.mark.parametrize(
    ("options", "error", "says"),
    [
        ({"_dtype": [("x" * 16, "i8")]}, Param, "15"),
        ({"_dtype": [("a", "i8")], "dtype": "i8"}, Param, "same argument"),
        ({"_dtype": [("a", "i8")], "errors": "ignore"}, Param, "errors"),
        ({"_dtype": [("a", "i8")], "layout": "cols"}, Param, "layout"),
        ({"_dtype": [("a", "i8")], "fill": "x"}, Param, "fill"),
        ({"_dtype": [("a", "i8")], "fill": {"b": 1}}, Param, "no field"),
        ({"_dtype": [("a", "i8")], "fill": 1.5}, Param, "changed"),
        ({"_dtype": [("s", "U3")], "fill": "missing"}, Param, "changed"),
        ({"_dtype": [("f", "f4")], "fill": 1e300}, Param, "changed"),
        ({"layout": "columns"}, Param, "dtype"),
        ({"_dtype": [("a", "i8")], "bins": {"z": "a"}}, Param, "no field"),
        ({"_dtype": [("a", "i8"), ("b", "i8")], "bins": ["a"]}, Param, "leaves out field 'b'"),
        ({"out": np.zeros(1, [("a", "i8"), ("b", "i8")]), "bins": ["b"]}, Param, "leaves out field 'a'"),
        ({"_dtype": {"a": "i8", "b": "i8"}, "layout": "columns", "bins": []}, Param, "leaves out field 'a'"),
        ({"_dtype": [("a", "i8"), ("b", "i8")], "bins": {"b": "a"}}, Param, "a"),
        ({"_dtype": [("a", "i8")], "progress": 5}, Type, "progress"),
        ({"out": read_only()}, ValueError, "read-only"),
        ({"out": np.zeros(2, [("a", "i8")])}, ValueError, "1 rows"),
        ({"out": [1]}, Type, "list"),
        ({"out": np.zeros(1, [("a", "i8")]), "_dtype": [("a", "i4")]}, Type, "_dtype"),
        ({"out": np.zeros((1, 3)), "bins": ["a", "b"]}, ValueError, "shape"),
    ],
)
def test_options_of_a_read_are_refused_by_name(
    node: Any, client: aerospike.Client, options: Any, error: Any, says: str
) -> None:
    before = requests(node)
    with pytest.raises(error, match=says):
        client.batch_read([KEY], **options)
    assert requests(node) == before


def test_rows_of_out_that_overlap_are_refused(client: aerospike.Client) -> None:
    one = np.zeros(1, [("a", "i8")])
    with pytest.raises(ValueError, match="overlap"):
        client.batch_read([KEY, KEY], out=np.lib.stride_tricks.as_strided(one, (2,), (0,)))
    memory = np.zeros(4, "i8")
    with pytest.raises(ValueError, match="overlap"):
        client.batch_read([KEY, KEY], out={"a": memory[:2], "f": memory[1:3]})


@pytest.mark.parametrize(
    "rows",
    [
        np.zeros(1, [("a", "i8")]),
        np.zeros((2, 1), [("a", "i8")]),
        np.zeros(2, [("a", "i4")]),
        np.zeros(2, object),
        read_only(2),
        [1, 2],
    ],
)
def test_engine_writes_to_no_rows_that_are_not_the_plan_s(
    client: aerospike.Client, rows: Any
) -> None:
    """Those that were looked at in Python may have been changed since, by another thread."""
    core, dtype = client._core, np.dtype([("a", "i8")])
    how = dtype, False, False, (0,), np.dtype("u8")
    plan = core.read_plan("x", (("a", np.empty(0, "i8")),), None, 0, None, ("a",), how, None)
    with pytest.raises(TypeError, match="out: not an array of 2 rows"):
        core.batch_table(plan, [KEY, KEY], rows, None, None)


@pytest.mark.parametrize(
    ("data", "options", "error", "says"),
    [
        (array(("a", "i8")), {"key_field": "id"}, Param, "no field 'id'"),
        (array(("a", "i8")), {"_dtype": [("_key", "i8")]}, Type, "not a view"),
        (array(("x" * 16, "i8")), {}, Param, "15"),
        (array(("a", "c8")), {}, Type, "complex"),
        (array(("a", "i8")), {"mask": {"a": np.ones(2, bool)}}, Param, "row 0 has nothing"),
        (array(("a", "i8")), {"mask": {"z": np.ones(2, bool)}}, Param, "no field"),
        (array(("a", "i8")), {"mask": {"a": np.ones(3, bool)}}, ValueError, "2 bools"),
        (
            array(("a", "i8")),
            {"mask": {"_key": np.array([False, True])}},
            Param,
            "row 1 has no key",
        ),
        (array(("a", "i8")), {"ttl": -9}, Param, "ttl of row 0"),
        (array(("a", "i8")), {"ttl": 1.5}, Type, "integers"),
        (array(("a", "i8")), {"ttl": [1]}, ValueError, "shape"),
        (array(("a", "i8")), {"generation": 70000}, Param, "generation"),
        (array(("a", "i8")), {"masked": "drop"}, Param, "masked"),
        (array(("a", "i8")), {"retry": -1}, Param, "retry"),
        (array(("_a", "i8")), {}, Param, "nothing to write"),
        (np.zeros(2), {}, Type, "no fields"),
        (np.zeros((2, 2), [("_key", "i8"), ("a", "i8")]), {}, ValueError, "shape"),
        ([1, 2], {}, Type, "list"),
        ({"_key": np.arange(2), "a": np.arange(3)}, {}, ValueError, "different lengths"),
        (np.zeros(2, [("_key", "f8"), ("a", "i8")]), {}, Type, "float64"),
    ],
)
def test_arrays_are_refused_before_anything_is_sent(
    node: Any, client: aerospike.Client, data: Any, options: Any, error: Any, says: str
) -> None:
    before = requests(node)
    with pytest.raises(error, match=says):
        client.batch_write_numpy(data, NAMESPACE, "bad2", **options)
    assert requests(node) == before


@pytest.mark.parametrize(
    ("field", "value", "options", "says"),
    [
        ("u8", 2**63, {}, "out of range"),
        ("U2", "\ud800", {}, "Unicode"),
        ("S2", b"\xff", {"bytes_as": "str"}, "Unicode"),
    ],
)
def test_value_that_has_no_place_names_row_and_field(
    node: Any, client: aerospike.Client, field: str, value: Any, options: Any, says: str
) -> None:
    data = array(("v", field), n=3)
    if isinstance(value, str):
        data["v"][1:2].view("u4")[0] = ord(value)
    else:
        data["v"][1] = value
    before = requests(node)
    with pytest.raises(Param, match=f"row 1, field v.*({says})"):
        client.batch_write_numpy(data, NAMESPACE, "bad2", **options)
    assert requests(node) == before


@pytest.mark.parametrize("point", [0xD800, 0x110000])
def test_key_of_an_array_that_is_no_text_is_refused_before_anything_is_sent(
    node: Any, client: aerospike.Client, point: int
) -> None:
    data = np.zeros(3, [("_key", "U2"), ("a", "i8")])
    data["_key"] = ["x", "y", "z"]
    data.view("u4").reshape(3, -1)[1, 0] = point
    before = requests(node)
    with pytest.raises(Param, match=r"keys\[1\]"):
        client.batch_write_numpy(data, NAMESPACE, "bad2")
    assert requests(node) == before


@pytest.mark.parametrize("row", [0, 1, 2999])
@pytest.mark.parametrize("how", ["one after the other", "with a stride", "swapped"])
def test_reading_by_a_key_that_is_no_text_names_its_row(
    client: aerospike.Client, row: int, how: str
) -> None:
    keys = np.full(3000, "xyz", "U3")
    keys.view("u4")[row * 3 + 2] = 0xDFFF
    if how == "with a stride":
        keys = np.repeat(keys, 2)[::2]
    elif how == "swapped":
        keys = keys.byteswap().view(keys.dtype.newbyteorder())
    with pytest.raises(Param, match=rf"keys\[{row}\]"):
        client.batch_read(keys, _dtype=[("a", "i8")], namespace=NAMESPACE, set_name="bad")


@pytest.mark.parametrize("where", [("\ud800", "s"), (NAMESPACE, "\ud800")])
def test_names_of_lone_surrogates_are_refused_as_keys_of_tuples_are(
    client: aerospike.Client, where: tuple[str, str]
) -> None:
    with pytest.raises(Param, match="surrogates"):
        client.get((*where, 1))
    with pytest.raises(Param):
        client.batch_read([1], _dtype=[("a", "i8")], namespace=where[0], set_name=where[1])


def test_object_column_names_the_bin_and_row_of_a_bad_value(client: aerospike.Client) -> None:
    data = array(("o", "O"), n=3)
    data["o"] = [1, object(), 3]
    with pytest.raises(TypeError, match="o.*row 1"):
        client.batch_write_numpy(data, NAMESPACE, "bad2")


def test_columns_of_one_name_are_refused(client: aerospike.Client) -> None:
    pandas = pytest.importorskip("pandas", reason="pip install pandas")
    frame = pandas.DataFrame([[1, 2, 3]], columns=["_key", "x", "x"])
    with pytest.raises(Param, match="more than one column 'x'"):
        client.batch_write_numpy(frame, NAMESPACE, "bad2")


# ---- sizes ----


def test_empty_batches_are_answered_without_the_server(node: Any, client: aerospike.Client) -> None:
    before = requests(node)
    assert len(client.batch_read([], _dtype=[("a", "i8")])) == 0
    assert client.batch_read([]).to_dict() == {}
    assert len(client.batch_write([]).result_codes) == 0
    assert (
        len(client.batch_write_numpy(array(("a", "i8"), n=0), NAMESPACE, "bad2").result_codes) == 0
    )
    assert len(client.batch_remove([]).result_codes) == 0
    assert requests(node) == before


def test_huge_batches_and_duplicate_keys_give_each_key_its_row(client: aerospike.Client) -> None:
    n = 300_000
    data = array(("a", "i4"), n=n)
    data["a"] = np.arange(n) * 3
    assert not client.batch_write_numpy(data, NAMESPACE, "huge").result_codes.any()
    keys = np.concatenate([np.arange(n)[::-1], np.zeros(1000, "i8")])
    got = client.batch_read(keys, _dtype=[("a", "i4")], namespace=NAMESPACE, set_name="huge")
    assert (got.batch_records["a"] == keys * 3).all()
    tuples = [(NAMESPACE, "huge", int(k)) for k in keys[:50_000]]
    assert (
        client.batch_read(tuples, _dtype=[("a", "i4")]).batch_records["a"] == keys[:50_000] * 3
    ).all()
    client.truncate(NAMESPACE, "huge")


@pytest.mark.parametrize(
    ("call", "says"),
    [
        (lambda c: c.get(), r"Client\.get\(\) missing 1 required positional argument: 'key'"),
        (lambda c: c.batch_read([KEY], dtpye=[]), r"Client\.batch_read\(\).*'dtpye'"),
        (lambda c: c.read_stream(), r"Client\.read_stream\(\) missing"),
    ],
)
def test_wrong_arguments_name_the_clients_method(
    client: aerospike.Client, call: Any, says: str
) -> None:
    with pytest.raises(TypeError, match=says):
        call(client)


@pytest.mark.needs_embedded("a node of its own")
def test_port_in_use_says_how_to_get_another() -> None:
    with LocalNode() as node, pytest.raises(exception.ClientError, match="port=0"):
        LocalNode(port=node.port).__enter__()


def test_times_are_refused_with_what_to_store(client: aerospike.Client) -> None:
    import datetime

    with pytest.raises(TypeError, match=r"timestamp\(\).*tz_convert"):
        client.put(KEY, {"t": datetime.datetime.now(datetime.UTC)})


def test_unknown_namespace_is_data_in_a_batch_and_an_error_alone(client: aerospike.Client) -> None:
    with pytest.raises(
        exception.NamespaceNotFound, match=f"nope.* which has .*{NAMESPACE}"
    ):
        client.get(("nope", "bad", 1))
    got = client.batch_read([("nope", "bad", 1), KEY], _dtype=[("a", "i8")])
    assert got.result_codes.tolist() == [20, 0] and got.batch_records["a"].tolist() == [0, 1]


def test_record_that_is_too_big_is_named_by_its_key(client: aerospike.Client) -> None:
    with pytest.raises(exception.RecordTooBig) as caught:
        client.put((NAMESPACE, "bad", "big"), {"a": b"x" * 2**20})
    assert caught.value.key[2] == "big" and caught.value.code == 13 and not caught.value.in_doubt


# ---- life ----


def test_closed_client_says_so_and_opens_again(node: Any) -> None:
    client = node.client()
    client.put(KEY, {"a": 1})
    client.close()
    client.close()
    assert not client.is_connected() and not client.ping()
    with pytest.raises(exception.ClientError, match="connect"):
        client.get(KEY)
    assert client.connect().connect().get(KEY).bins["a"] == 1
    client.close()


def test_what_travels_pickles(client: aerospike.Client) -> None:
    def travel(thing: Any) -> Any:
        return pickle.loads(pickle.dumps(thing, protocol=5))

    with travel(client) as other:
        assert other.get(KEY).bins["a"] == 1
    assert travel(client.get(KEY)) == client.get(KEY)
    keys = travel(aerospike.Keys(NAMESPACE, "bad", [1, "x", b"y", bytearray(b"z")]))
    assert list(keys) == list(aerospike.Keys(NAMESPACE, "bad", [1, "x", b"y", bytearray(b"z")]))
    result = client.batch_read([KEY, (NAMESPACE, "bad", 404)], _dtype=[("a", "i8"), ("l", "O")])
    copy = travel(result)
    assert copy.batch_records.tolist() == result.batch_records.tolist()
    assert copy.mask.tolist() == result.mask.tolist() and copy.get(1)["a"] == 1
    assert travel(client.batch_read([KEY])).to_dict() == client.batch_read([KEY]).to_dict()
    assert travel(client.batch_write([(KEY, {"a": 1})])).result_codes.tolist() == [0]
    with pytest.raises(exception.RecordNotFound) as caught:
        client.get((NAMESPACE, "bad", 404))
    copy = travel(caught.value)
    assert (
        type(copy) is exception.RecordNotFound and copy.code == 2 and copy.key == caught.value.key
    )


def test_exception_of_a_progress_callable_ends_the_call_with_what_there_is(
    client: aerospike.Client,
) -> None:
    def progress(done: int, total: int) -> None:
        raise KeyError("enough")

    with pytest.raises(KeyError, match="enough") as caught:
        client.batch_read([KEY], _dtype=[("a", "i8")], progress=progress)
    assert len(caught.value.partial) == 1
