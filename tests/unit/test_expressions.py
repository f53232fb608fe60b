"""Expressions: their bytes, as other clients sent them to a real server, and what they refuse."""

from __future__ import annotations

import copy
import pickle
import subprocess
import sys
from typing import Any

import numpy as np
import pytest

from aerospike_np import exp
from aerospike_np.exception import InvalidArgError
from aerospike_np.exp import Expression

# What the official client sent for the same tree.
GOLDEN = [
    (exp.int_bin("a") > 5, "93 03 93 51 02 a1 61 05"),
    (exp.string_bin("s") == "abc", "93 01 93 51 03 a1 73 a4 03 61 62 63"),
    (
        ((exp.int_bin("a") >= 1) | (exp.float_bin("f") < 2.5)) & ~exp.bool_bin("t"),
        "93 10 93 11 93 04 93 51 02 a1 61 01 93 05 93 51 07 a1 66 cb 40 04 00 00 00 00 00 00 92 12 93 51 01 a1 74",
    ),
    (exp.key_exists(), "91 47"),
    (exp.ttl() > 100, "93 03 91 45 64"),
    (exp.set_name() == "demo", "93 01 91 46 a5 03 64 65 6d 6f"),
    (exp.digest_modulo(3) == 1, "93 01 92 40 03 01"),
    (
        exp.regex_compare("ab.*", 2, exp.string_bin("s")),
        "94 07 02 a4 61 62 2e 2a 93 51 03 a1 73",
    ),
    (
        exp.let_(exp.def_("x", exp.int_bin("a")), exp.var("x") + 1 > exp.var("x")),
        "94 7d a1 78 93 51 02 a1 61 93 03 93 14 92 7c a1 78 01 92 7c a1 78",
    ),
    (exp.cond(exp.int_bin("a") > 1, True, False), "94 7b 93 03 93 51 02 a1 61 01 c3 c2"),
    (exp.list_bin("l") == [1, 2], "93 01 93 51 04 a1 6c 92 7e 92 01 02"),
    (exp.map_bin("m") == {"a": 1}, "93 01 93 51 05 a1 6d 81 a2 03 61 01"),
    (exp.blob_bin("y") == b"\1\2", "93 01 93 51 06 a1 79 a3 04 01 02"),
    (exp.bin_exists("a"), "93 02 92 52 a1 61 00"),
    (exp.val({"b": 1, "a": [1]}), "82 a2 03 61 91 01 a2 03 62 01"),
    (exp.val([1, [2, {"a": [1]}]]), "92 7e 92 01 92 02 81 a2 03 61 91 01"),
    (-exp.int_bin("a"), "92 15 93 51 02 a1 61"),
    (exp.infinity(), "d4 ff 01"),
    (exp.wildcard(), "d4 ff 00"),
    (exp.key(exp.EXP_TYPE_BLOB), "92 50 06"),
    (exp.unknown(), "91 00"),
]


@pytest.mark.parametrize(("built", "packed"), GOLDEN, ids=[repr(built) for built, _ in GOLDEN])
def test_bytes_are_those_of_the_official_client(built: Expression, packed: str) -> None:
    assert built.packed.hex(" ") == packed


OPERATORS = [
    "exp.int_bin('a') + 1 - 2 * exp.int_bin('b') > 0",
    "exp.int_bin('a') / 2 % 3 != -exp.int_bin('b')",
    "1 + exp.int_bin('a') == 2 - exp.int_bin('a')",
    "exp.float_bin('a') ** 2 // 3 <= 10 / exp.float_bin('b')",
    "(exp.int_bin('a') & 255 | 1 ^ exp.int_bin('b')) << 2 >> 1 >= ~exp.int_bin('c')",
    "exp.bool_bin('a') & exp.bool_bin('b') & True | exp.bool_bin('c') ^ exp.bool_bin('d')",
    "exp.and_(exp.and_(exp.bool_bin('a'), True), exp.bool_bin('b'))",
    "exp.num_sub(exp.int_bin('a')) - 1",
    "exp.num_add(exp.num_add(exp.int_bin('a'), 1), 2) < abs(exp.int_bin('b'))",
    "exp.xor_(exp.bool_bin('a'), exp.bool_bin('b'), exp.bool_bin('c'))",
    "exp.let_(exp.def_('x', exp.var('y') + 1), exp.int_and(exp.var('x'), exp.var('y')))",
    "exp.eq(5, exp.int_bin('a'))",
    "5 < exp.int_bin('a')",
    "exp.map_bin('m') == {'k': [1, 2.5, None, b'x', True]}",
]


@pytest.mark.parametrize("text", OPERATORS)
def test_repr_builds_the_same_expression(text: str) -> None:
    built = eval(text, {"exp": exp})
    assert eval(repr(built), {"exp": exp})._code == built._code


def test_repr_reads_as_people_write() -> None:
    both = (exp.int_bin("age") > 25) & (exp.string_bin("country") == "US")
    assert repr(both) == "(exp.int_bin('age') > 25) & (exp.string_bin('country') == 'US')"


def test_operators_in_a_row_are_one_node() -> None:
    a, b, c = (exp.bool_bin(name) for name in "abc")
    assert (a & b & c).packed == exp.and_(a, b, c).packed
    numbers = [exp.int_bin(f"b{i}") for i in range(40)]
    total = sum(numbers[1:], start=numbers[0])
    assert total.packed == exp.num_add(*numbers).packed
    assert (a & (b & c)).packed != exp.and_(a, b, c).packed


def test_whole_numbers_become_floats_where_floats_are_needed() -> None:
    assert (exp.float_bin("f") > 2).packed == (exp.float_bin("f") > 2.0).packed
    assert (exp.float_bin("f") ** 2).packed == (exp.float_bin("f") ** 2.0).packed


def test_numpy_values_are_values() -> None:
    a = exp.int_bin("a")
    assert (np.int64(5) < a).packed == (a > 5).packed
    assert (a + np.int32(5)).packed == (a + 5).packed
    assert (exp.list_bin("l") == np.array([1, 2])).packed == (exp.list_bin("l") == [1, 2]).packed
    assert (exp.string_bin("s") == np.str_("x")).packed == (exp.string_bin("s") == "x").packed


REFUSED = [
    ("exp.int_bin('a') == 'x'", "argument 2 must be an integer"),
    ("exp.float_bin('a') + exp.int_bin('b')", "to_float makes a float of an integer"),
    ("exp.string_bin('a') + 1", "argument 1 must be a number"),
    ("exp.int_bin('a') & exp.bool_bin('b')", "argument 2 must be an integer"),
    ("exp.and_(exp.bool_bin('a'))", "takes 2 or more arguments, not 1"),
    ("exp.num_add()", "takes 1 or more arguments, not 0"),
    ("exp.not_(exp.int_bin('a'))", "must be a bool"),
    ("exp.num_pow(exp.int_bin('a'), 2.0)", "must be a float"),
    ("exp.int_bin('a') // 2", "exp.num_floor: argument 1 must be a float"),
    ("exp.int_bin('sixteen bytes ...')", "has 17 bytes"),
    ("exp.int_bin('')", "has 0 bytes"),
    ("exp.int_bin(5)", "a bin's name is a str"),
    ("exp.string_bin('é' * 8)", "has 16 bytes"),
    ("exp.var('x') & exp.var('y')", "isn't known here"),
    ("exp.let_(exp.int_bin('a'))", "takes one def_ or more"),
    ("exp.let_(exp.int_bin('a'), 1)", "made by def_"),
    ("exp.eq(exp.def_('x', 1), 2)", "only inside of let_"),
    ("exp.def_('', 1)", "can't be empty"),
    ("exp.cond(exp.bool_bin('a'), 1)", "takes test, value"),
    ("exp.cond(exp.bool_bin('a'), 1, 'x')", "must be an integer"),
    ("exp.cond(exp.int_bin('a'), 1, 2)", "a test, must be a bool"),
    ("exp.key(7)", "a key is"),
    ("exp.digest_modulo(0)", "modulo is an integer from 1"),
    ("exp.regex_compare('x', 16, exp.string_bin('s'))", "flags is an integer from 0 to 15"),
    ("exp.regex_compare('x', 0, exp.int_bin('s'))", "must be a string"),
    ("exp.regex_compare('\\0', 0, exp.string_bin('s'))", "NUL"),
    ("exp.geo_compare(exp.geo_bin('g'), 'x')", "must be GeoJSON"),
    ("exp.geo_val('[]')", "GeoJSON"),
    ("exp.int_val('x')", "must be an integer"),
    ("exp.int_val(exp.int_bin('a'))", "is an expression already"),
    ("exp.list_val({})", "must be a list"),
    ("exp.int_bin('a') > 2**63", "64 bits"),
    ("exp.val({1.5: 1})", "a map's keys"),
    ("exp.list_bin('l') == None", "must be a list"),
    ("exp.from_base64('kwORRT')", "no base64"),
    ("exp.from_base64('kwORRTwA')", "1 bytes too many"),
    ("exp.from_base64('kwORRQ==')", "end too soon"),
    ("exp.from_base64('wQ==')", "begins no value"),
]


@pytest.mark.parametrize(("text", "why"), REFUSED)
def test_what_can_not_be_right_is_refused_by_name(text: str, why: str) -> None:
    with pytest.raises(InvalidArgError, match="^(exp|&)") as caught:
        eval(text, {"exp": exp})
    assert why in str(caught.value)


def test_depth_and_size_are_bounded() -> None:
    deep: Any = exp.bool_bin("a")
    with pytest.raises(InvalidArgError, match="nested deeper than 128"):
        for _ in range(200):
            deep = ~deep
    value: Any = []
    value.append(value)
    with pytest.raises(InvalidArgError, match="holds itself"):
        exp.val(value)
    with pytest.raises(InvalidArgError, match="a server takes at most 1048576"):
        _ = exp.string_bin("s") == "x" * (1 << 20)


def test_an_expression_has_no_truth() -> None:
    a = exp.int_bin("a")
    for use in (
        lambda: bool(a > 1),
        lambda: 1 < a < 5,
        lambda: a > 1 and a < 5,
        lambda: a in [exp.int_bin("b")],
    ):
        with pytest.raises(TypeError, match="only the server knows"):
            use()


def test_an_expression_can_not_be_changed() -> None:
    a = exp.int_bin("a") > 1
    for use in (
        lambda: setattr(a, "packed", b""),
        lambda: setattr(a, "other", b""),
        lambda: delattr(a, "packed"),
    ):
        with pytest.raises(AttributeError):
            use()
    given = [1, 2]
    same = exp.list_bin("l") == given
    packed = same.packed
    given.append(3)
    assert same.packed == packed and repr(same) == "exp.list_bin('l') == [1, 2]"


def test_expressions_are_keys_by_identity_and_travel() -> None:
    a = exp.ttl() > 60
    assert a in {a} and copy.copy(a) is a and copy.deepcopy([a])[0] is a
    for protocol in range(2, pickle.HIGHEST_PROTOCOL + 1):
        again = pickle.loads(pickle.dumps(a, protocol))
        assert again.packed == a.packed and repr(again) == repr(a)
    free = pickle.loads(pickle.dumps(exp.var("x") > 1))
    assert exp.let_(exp.def_("x", exp.ttl()), free).packed


def test_a_variable_needs_its_let() -> None:
    loose = exp.var("x") > exp.var("y")
    with pytest.raises(InvalidArgError, match="no let_ around it defines 'x', 'y'"):
        _ = loose.packed
    half = exp.let_(exp.def_("y", exp.var("x")), exp.def_("x", exp.ttl()), loose)
    with pytest.raises(InvalidArgError, match="no let_ around it defines 'x'$"):
        half.to_base64()
    assert exp.let_(exp.def_("x", exp.ttl()), exp.def_("y", exp.var("x")), loose).packed


def test_base64_goes_out_and_in() -> None:
    a = exp.ttl() > 60
    again = exp.from_base64(a.to_base64())
    assert again.packed == a.packed
    assert (again & True).packed == (a & True).packed


def test_an_expression_is_written_once() -> None:
    a = exp.ttl() > 60
    assert a.packed is a.packed and a.compile() is a


def test_the_builders_are_there_with_the_package() -> None:
    code = "import aerospike_np; aerospike_np.exp.key_exists(); aerospike_np.list_operations.list_size('l')"
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)
