"""compute=: what a read gets of expressions that the server evaluates, in place of bins."""

from __future__ import annotations

import pickle
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from server import NAMESPACE, server

import aerospike_np as aerospike
from aerospike_np import exception, exp

SET = "compute"
WHERE: dict[str, Any] = {"namespace": NAMESPACE, "set_name": SET}
KEYS = np.arange(7)  # 4 lacks "views", 5 has views of another type, 6 is missing
RATE = exp.float_bin("clicks") / exp.float_bin("views")
DTYPE = [("x", "i4"), ("rate", "f8"), ("s", "S4")]
COUNTS = [0.0, 0.125, 0.25, 0.375]
Param = exception.InvalidArgError


@pytest.fixture(scope="module")
def client() -> Iterator[aerospike.Client]:
    with server("compute") as node, node.client() as client:
        for i in range(4):
            client.put(
                (NAMESPACE, SET, i), {"clicks": float(i), "views": 8.0, "x": i, "s": f"r{i}"}
            )
        client.put((NAMESPACE, SET, 4), {"clicks": 1.0, "x": 4, "s": "r4"})
        client.put((NAMESPACE, SET, 5), {"clicks": 1.0, "views": 8, "x": 5, "s": "r5"})
        yield client


def check(got: Any, read: Any) -> None:
    """What every read of KEYS must come to."""
    assert read("rate").tolist() == [*COUNTS, -1.0, -1.0, -1.0]
    assert read("x").tolist() == [0, 1, 2, 3, 4, 5, -1]
    assert got.result_codes.tolist() == [0, 0, 0, 0, 0, 0, 2]
    assert got.ok.tolist() == [True] * 6 + [False]


FILL = {"rate": -1.0, "x": -1}


@pytest.mark.parametrize("layout", ["rows", "columns"])
def test_computed_fields_stand_beside_bins(client: aerospike.Client, layout: str) -> None:
    got = client.batch_read(
        KEYS, _dtype=DTYPE, compute={"rate": RATE}, layout=layout, fill=FILL, **WHERE
    )
    check(got, got.columns.__getitem__)
    assert got.mask["rate"].tolist() == [False] * 4 + [True] * 3
    assert got.columns["s"][:5].tolist() == [b"r0", b"r1", b"r2", b"r3", b"r4"]


def test_computed_fields_go_to_memory_that_is_given(client: aerospike.Client) -> None:
    out = np.full(len(KEYS), 9, dtype=[("pad", "u1"), ("rate", "f8"), ("x", "i8")])[["rate", "x"]]
    got = client.batch_read(KEYS, out=out, compute={"rate": RATE}, fill=FILL, **WHERE)
    check(got, out.__getitem__)
    columns = {"x": np.zeros(len(KEYS), "i2"), "rate": np.zeros(2 * len(KEYS))[::2]}
    check(
        client.batch_read(KEYS, out=columns, compute={"rate": RATE}, fill=FILL, **WHERE),
        columns.__getitem__,
    )


def test_a_matrix_may_have_computed_columns(client: aerospike.Client) -> None:
    got = client.batch_read(
        KEYS, ["x", "rate"], _dtype="f8", compute={"rate": RATE}, fill=-1, **WHERE
    )
    check(got, {"x": got.batch_records[:, 0], "rate": got.batch_records[:, 1]}.__getitem__)


def test_a_reader_and_a_stream_compute(client: aerospike.Client) -> None:
    reader = client.reader(DTYPE, NAMESPACE, SET, compute={"rate": RATE}, fill=FILL)
    check(got := reader.read(KEYS), got.columns.__getitem__)
    parts = client.read_stream(KEYS, DTYPE, 3, compute={"rate": RATE}, **WHERE)
    assert [part["rate"].tolist() for part in parts] == [COUNTS[:3], [0.375, 0.0, 0.0], [0.0]]


@pytest.mark.only_sync("the copy's client is another one")
def test_a_reader_that_computes_pickles(client: aerospike.Client) -> None:
    reader = client.reader(DTYPE, NAMESPACE, SET, compute={"rate": RATE})
    copy = pickle.loads(pickle.dumps(reader))
    try:
        assert copy.read([3])["rate"].tolist() == [0.375]
    finally:
        copy._client.close()


def test_without_a_dtype_values_stand_among_the_bins(client: aerospike.Client) -> None:
    records = client.batch_read(
        KEYS, ["x"], compute={"rate": RATE, "n": exp.int_bin("x") + 1}, **WHERE
    )
    assert records[3] == {"x": 3, "rate": 0.375, "n": 4}
    assert records[4] == {"x": 4, "n": 5}
    assert records.result_codes.tolist() == [0] * 6 + [2]
    alone = client.batch_read(KEYS, [], compute={"rate": RATE}, **WHERE)
    assert alone.to_dict() == {**{i: {"rate": COUNTS[i]} for i in range(4)}, 4: {}, 5: {}}


def test_all_types_of_values_come(client: aerospike.Client) -> None:
    compute = {
        "flag": exp.int_bin("x") > 1, "text": exp.string_bin("s"), "code": exp.bin_type("s"),
        "age": exp.since_update(), "mod": exp.digest_modulo(1),
    }  # fmt: skip
    dtype = [("flag", "?"), ("text", "U4"), ("code", "u1"), ("age", "i8"), ("mod", "i4")]
    got = client.batch_read([1, 2], _dtype=dtype, compute=compute, **WHERE)
    assert got["flag"].tolist() == [False, True]
    assert got["text"].tolist() == ["r1", "r2"]
    assert got["code"].tolist() == [3, 3]
    assert got["mod"].tolist() == [0, 0]
    assert (got["age"] >= 0).all()


def test_a_record_may_be_refused_where_its_value_is_unknown(client: aerospike.Client) -> None:
    strict = {"rate": (RATE, aerospike.EXP_READ_DEFAULT)}
    got = client.batch_read(KEYS, _dtype=DTYPE, compute=strict, **WHERE)
    assert got.result_codes.tolist() == [0, 0, 0, 0, 26, 26, 2]
    assert got.mask["x"].tolist() == [False] * 4 + [True] * 3
    loose = {"rate": (RATE, aerospike.EXP_READ_EVAL_NO_FAIL)}
    got = client.batch_read(KEYS, _dtype=DTYPE, compute=loose, **WHERE)
    assert got.result_codes.tolist() == [0] * 6 + [2]


def test_a_value_that_does_not_fit_is_an_error_of_its_cell(client: aerospike.Client) -> None:
    with pytest.raises(exception.ConversionError, match="'rate'"):
        client.batch_read(KEYS, _dtype=[("rate", "S4")], compute={"rate": RATE}, **WHERE)


@pytest.mark.parametrize(
    ("arguments", "error", "words"),
    [
        ({"compute": {"rate": 5}}, Param, r"compute\['rate'\] must be an expression.* not 5"),
        ({"compute": {"rate": b"\x91\x47"}}, Param, "must be an expression"),
        ({"compute": {"rate": (RATE, "no")}}, Param, "'expr_flags' must be an integer"),
        ({"compute": {"rte": RATE}}, Param, "'rte', which is no field of the dtype .*'rate'"),
        ({"compute": {"rate": RATE}, "bins": {"rate": "r"}}, Param, "in bins and in compute"),
        ({"compute": [RATE]}, TypeError, "compute is a dict"),
        ({"compute": {"rate": exp.var("free")}}, Param, "no let_ around it defines 'free'"),
    ],
)
def test_what_is_no_expression_of_a_field_is_refused_by_name(
    client: aerospike.Client, arguments: dict[str, Any], error: type[Exception], words: str
) -> None:
    with pytest.raises(error, match=words):
        client.batch_read(KEYS, _dtype=DTYPE, **arguments, **WHERE)


def test_without_a_dtype_bins_must_say_what_is_read_too(client: aerospike.Client) -> None:
    with pytest.raises(Param, match="compute without a dtype goes with bins"):
        client.batch_read(KEYS, compute={"rate": RATE}, **WHERE)


def test_a_name_longer_than_the_server_takes_is_refused(client: aerospike.Client) -> None:
    name = "a_rate_of_clicks"
    with pytest.raises(exception.AerospikeError, match="16 bytes"):
        client.batch_read(KEYS, _dtype=[(name, "f8")], compute={name: RATE}, **WHERE)
