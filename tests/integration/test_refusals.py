"""What can be no operation, and no filter, is refused by name by each call that takes any; nothing is sent."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
from server import NAMESPACE, requests

import aerospike_np as aerospike
from aerospike_np import exception, exp
from aerospike_np.helpers import cdt_ctx
from aerospike_np.helpers.batch import records as br
from aerospike_np.helpers.operations import operations

pytestmark = [pytest.mark.sets("refusals")]
KEY = (NAMESPACE, "refusals", 1)
Call = Callable[[aerospike.Client, Any], Any]


def deep(levels: int) -> list[Any]:
    value: list[Any] = []
    for _ in range(levels):
        value = [value]
    return value


DTYPE = [("n", "i8")]
ROWS = np.zeros(2, [("_key", "i8"), ("n", "i8")])

# Each call, with a policy; what it is called in messages is the name before the first space.
FILTERED: dict[str, Call] = {
    "get": lambda c, policy: c.get(KEY, policy=policy),
    "select": lambda c, policy: c.select(KEY, ["n"], policy=policy),
    "exists": lambda c, policy: c.exists(KEY, policy=policy),
    "put": lambda c, policy: c.put(KEY, {"n": 1}, policy=policy),
    "remove": lambda c, policy: c.remove(KEY, policy=policy),
    "touch": lambda c, policy: c.touch(KEY, policy=policy),
    "append": lambda c, policy: c.append(KEY, "s", "x", policy=policy),
    "prepend": lambda c, policy: c.prepend(KEY, "s", "x", policy=policy),
    "increment": lambda c, policy: c.increment(KEY, "n", 1, policy=policy),
    "remove_bin": lambda c, policy: c.remove_bin(KEY, ["n"], policy=policy),
    "operate": lambda c, policy: c.operate(KEY, [operations.read("n")], policy=policy),
    "operate_ordered": lambda c, policy: c.operate_ordered(
        KEY, [operations.read("n")], policy=policy
    ),
    "apply": lambda c, policy: c.apply(KEY, "m", "f", policy=policy),
    "batch_read": lambda c, policy: c.batch_read([KEY], policy=policy),
    "batch_read into an array": lambda c, policy: c.batch_read([KEY], _dtype=DTYPE, policy=policy),
    "batch_write": lambda c, policy: c.batch_write([(KEY, {"n": 1})], policy=policy),
    "batch_write of a row's meta": lambda c, policy: c.batch_write([(KEY, {"n": 1}, policy)]),
    "batch_write of a Read's policy": lambda c, policy: c.batch_write(
        br.BatchRecords([br.Read(KEY, None, True, policy=policy)])
    ),
    "batch_write of a Write's policy": lambda c, policy: c.batch_write(
        br.BatchRecords([br.Write(KEY, [operations.write("n", 1)], policy=policy)])
    ),
    "batch_write of a Remove's policy": lambda c, policy: c.batch_write(
        br.BatchRecords([br.Remove(KEY, policy=policy)])
    ),
    "batch_write_numpy": lambda c, policy: c.batch_write_numpy(
        ROWS, NAMESPACE, "refusals", policy=policy
    ),
    "batch_remove": lambda c, policy: c.batch_remove([KEY], policy=policy),
    "batch_operate": lambda c, policy: c.batch_operate([KEY], [operations.read("n")], policy),
    "batch_apply": lambda c, policy: c.batch_apply([KEY], "m", "f", [], policy),
    "reader": lambda c, policy: c.reader(DTYPE, NAMESPACE, "refusals", policy=policy),
    "read_stream": lambda c, policy: [*c.read_stream([[KEY]], _dtype=DTYPE, policy=policy)],
    "write_stream": lambda c, policy: [
        *c.write_stream([ROWS], NAMESPACE, "refusals", policy=policy)
    ],
    "write_stream of rows": lambda c, policy: [*c.write_stream([(KEY, {"n": 1})], policy=policy)],
}


def then_write(ops: Any) -> Any:
    """With an operation that writes behind them, where a row must have one."""
    return [*ops, operations.write("n", 1)] if ops and isinstance(ops, list) else ops


# Those that take operations.
OPERATING: dict[str, Call] = {
    "operate": lambda c, ops: c.operate(KEY, ops),
    "operate_ordered": lambda c, ops: c.operate_ordered(KEY, ops),
    "batch_operate": lambda c, ops: c.batch_operate([KEY], ops),
    "batch_write of a Read": lambda c, ops: c.batch_write(br.BatchRecords([br.Read(KEY, ops)])),
    "batch_write of a Write": lambda c, ops: c.batch_write(
        br.BatchRecords([br.Write(KEY, then_write(ops))])
    ),
}
NO_FILTERS: dict[str, tuple[Any, str]] = {
    "bytes": (b"\x91\x47", "must be an expression"),
    "bool": (True, "must be an expression"),
    "text": ("n > 1", "must be an expression"),
    "another client's": ({"__expr__": "key_exists"}, "must be an expression"),
    "another client's compiled": ([(71, None, {}, 0)], "must be an expression"),
    "a context": (cdt_ctx.cdt_ctx_list_index(1), "must be an expression"),
    "an operation": (operations.read("n"), "must be an expression"),
    "a definition": (exp.def_("x", 1), "must be an expression"),
    "a number": (exp.int_bin("n"), "a filter is true or false"),
    "an open variable": (exp.var("x") > 1, "no let_ around it defines 'x'"),
}


@pytest.fixture(autouse=True)
def nothing_is_sent(node: Any, client: aerospike.Client) -> Iterator[None]:
    client.ping()
    before = requests(node)
    yield
    assert requests(node) == before


@pytest.mark.parametrize("key", ["expressions", "filter_expression"])
@pytest.mark.parametrize("name", FILTERED)
def test_what_is_no_filter_is_refused_by_each_call(
    client: aerospike.Client, name: str, key: str
) -> None:
    for what, (thing, why) in NO_FILTERS.items():
        with pytest.raises(exception.InvalidArgError, match=why) as refused:
            FILTERED[name](client, {key: thing})
        assert name.split()[0] in str(refused.value) and key in str(refused.value), what


def test_bulk_names_itself(client: aerospike.Client) -> None:
    for row, policy in (
        ((KEY, {"n": 1}), {"expressions": 1}),
        ((KEY, {}), None),
        ({"_key": 1, "n": 1}, None),
        (5, None),
    ):
        with pytest.raises((exception.InvalidArgError, TypeError), match="^bulk: "):
            aerospike.bulk(client, [row], policy=policy)


# ---- operations ----

NO_OPERATIONS: dict[str, tuple[Any, str]] = {
    "none": ([], "0 operations"),
    "not a list": ({"op": 1, "bin": "n"}, "list of operations"),
    "a number": ([5], "operation 0: an operation is a dict"),
    "a filter": ([exp.int_bin("n") > 1], "operation 0: an operation is a dict"),
    "no code": ([{"bin": "n"}], "operation 0: the key 'op' is missing"),
    "an unknown code": (
        [{"op": 4711, "bin": "n"}],
        'operation 0: there is no operation with "op" 4711',
    ),
    "no bin": ([{"op": 0}, {"op": 1001, "val": 1}], r"operation 1 \(list_append\): the key 'bin'"),
    "a bin too long": ([operations.read("n" * 16)], r"\(read\).*16 bytes long"),
    "a bin of nothing": ([{"op": 1001, "bin": "", "val": 1}], r"\(list_append\).*can't be empty"),
    "a bin that is none": ([{"op": 0, "bin": 5}], r"\(read\).*bin's name is a str, not int"),
    "no value": ([{"op": 1, "bin": "n"}], r"\(write\): the key 'val' is missing"),
    "infinity to write": (
        [operations.write("n", aerospike.CDTInfinite())],
        r"\(write\).*can't be stored",
    ),
    "lists too deep": ([operations.write("n", deep(70))], r"\(write\).*nested deeper than 64"),
    "an argument too deep": (
        [{"op": 1020, "bin": "n", "val": deep(70), "return_type": 7}],
        r"\(list_get_by_value\).*nested deeper than 64",
    ),
    "a context that is no list": (
        [{"op": 1014, "bin": "n", "ctx": 5}],
        "'ctx' must be a list of steps",
    ),
    "a context of numbers": ([{"op": 1014, "bin": "n", "ctx": [0]}], "'ctx' must hold steps"),
    "a context of another step": (
        [{"op": 1014, "bin": "n", "ctx": [cdt_ctx.cdt_ctx_all_children()]}],
        "only paths can",
    ),
    "a context too deep": (
        [{"op": 1014, "bin": "n", "ctx": [cdt_ctx.cdt_ctx_list_index(0)] * 65}],
        "'ctx' has 65 steps; the server follows at most 64",
    ),
    "a path without steps": (
        [{"op": 2, "bin": "n", "ctx": [], "cdt_flags": 0}],
        "needs at least one step",
    ),
    "an expression that is none": (
        [{"op": 2200, "bin": "n", "expr": 5}],
        "'expr' must be an expression, not 5",
    ),
    "an expression of open variables": (
        [{"op": 2200, "bin": "n", "expr": exp.var("x")}],
        "expr.*no let_ around it defines 'x'",
    ),
    "an expression as a value": (
        [operations.write("n", exp.ttl())],
        r"\(write\).*the server computes it: use expression_read or expression_write",
    ),
    "an expression as an index": (
        [{"op": 1005, "bin": "n", "index": exp.ttl()}],
        "'index' must be an integer",
    ),
    "a return type that is none": (
        [{"op": 1020, "bin": "n", "val": 1, "return_type": 99}],
        "'return_type' must be one of LIST_RETURN_",
    ),
    "a flag that is no bool": (
        [{"op": 1020, "bin": "n", "val": 1, "return_type": 7, "inverted": "no"}],
        "'inverted' must be True or False, not 'no'",
    ),
    "an array to add": (
        [operations.increment("n", np.arange(2))],
        r"\(increment\): 'val' must be an int or a float",
    ),  # type: ignore[arg-type]
    "not a number to add": (
        [operations.increment("n", True)],
        r"\(increment\): 'val' must be an int or a float",
    ),
}


@pytest.mark.parametrize("name", OPERATING)
@pytest.mark.parametrize("what", NO_OPERATIONS)
def test_what_is_no_operation_is_refused_by_each_call(
    client: aerospike.Client, name: str, what: str
) -> None:
    ops, says = NO_OPERATIONS[what]
    with pytest.raises((exception.InvalidArgError, TypeError), match=says) as refused:
        OPERATING[name](client, ops)
    assert name.split()[0] in str(refused.value)
