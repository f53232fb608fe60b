"""Keys and their digests. The digests are those of the official client and of a real server."""

from __future__ import annotations

import enum
from typing import Any

import numpy as np
import pytest

import aerospike_np
from aerospike_np.exception import InvalidArgError


class Shelf(enum.IntEnum):
    FIRST = 1


VECTORS = [
    ("demo", "k1", "b747f5854d0b33259928d0cfab7fad81d6abfbf6"),
    ("demo", "k2", "a933ee0e8f82c106697150d15e504f08b2b2e01d"),
    ("demo", "key1", "ec91192d4b7f8ce35d5d78d34bca65cbaaaac960"),
    ("demo", 1, "b7f4b83889e2da67de683e1df6919a1eacc446c8"),
    ("demo", 0, "ceded27492b392e0232514bb54a8ec2076acef37"),
    ("demo", -1, "e9d49a24c3debdc5a6d551d3e7087999a263bb97"),
    ("demo", 12345, "8d60730e4a37c88b573022bdfe2e94497669c6b1"),
    ("demo", 2**63 - 1, "6964c1df0d52acf332aef2bfdd54ba366285d051"),
    ("demo", bytearray(b"\x01\x02\x03"), "ff31c926fbef445648ce63ca72a698a5473425c1"),
    ("users", "héllo", "05c5de3882fd1e473148b520b7954251a1fcf3e7"),
    (None, "k1", "50149955959c2fef0a83613ae80c78bb9c96b269"),
    ("", 1, "a443f05d05d962202b59abb402afae1737dbf66a"),
]

SAME_AS = [
    (b"k1", "k1"),
    (np.str_("k1"), "k1"),
    (np.bytes_(b"k1"), "k1"),
    (np.int8(1), 1),
    (np.uint64(12345), 12345),
    (np.array(12345), 12345),
    (Shelf.FIRST, 1),
]

REFUSED = [
    (1.5, InvalidArgError, "not float"),
    (np.float64(1), InvalidArgError, "float64"),
    (None, InvalidArgError, "digest"),
    ([1], InvalidArgError, "not list"),
    (True, InvalidArgError, "bool"),
    (2**63, InvalidArgError, "64 bits"),
    (-(2**63) - 1, InvalidArgError, "64 bits"),
    (np.uint64(2**63), InvalidArgError, "64 bits"),
    ("\ud800", InvalidArgError, "surrogates"),
    (object(), TypeError, "int, str, bytes, bytearray"),
    (np.array([1, 2]), TypeError, "ndarray"),
    (memoryview(b"k1"), TypeError, "memoryview"),
]


@pytest.mark.parametrize(("set_name", "key", "digest"), VECTORS)
def test_digest_is_the_official_one(set_name: str | None, key: Any, digest: str) -> None:
    found = aerospike_np.calc_digest("test", set_name, key)
    assert type(found) is bytearray
    assert found.hex() == digest


def test_namespace_is_no_part_of_the_digest() -> None:
    assert aerospike_np.calc_digest("a", "demo", 1) == aerospike_np.calc_digest("b", "demo", 1)


@pytest.mark.parametrize(("key", "other"), SAME_AS, ids=lambda v: type(v).__name__)
def test_key_types_that_name_the_same_record(key: Any, other: Any) -> None:
    found = aerospike_np.calc_digest("test", "demo", key)
    assert found == aerospike_np.calc_digest("test", "demo", other)


def test_bytes_and_bytearray_name_different_records() -> None:
    # bytes are hashed as a string and bytearray as a blob: existing data depend on it.
    found = aerospike_np.calc_digest("test", "demo", b"k1")
    assert found != aerospike_np.calc_digest("test", "demo", bytearray(b"k1"))


@pytest.mark.parametrize("key", ["", b"", bytearray()])
def test_empty_key_is_legal(key: Any) -> None:
    assert len(aerospike_np.calc_digest("test", "demo", key)) == 20


@pytest.mark.parametrize(("key", "error", "text"), REFUSED, ids=lambda v: type(v).__name__)
def test_what_is_no_key_is_refused_with_the_reason(
    key: Any, error: type[Exception], text: str
) -> None:
    with pytest.raises(error, match=text):
        aerospike_np.calc_digest("test", "demo", key)


@pytest.mark.parametrize(
    ("namespace", "set_name", "error", "text"),
    [
        ("", "demo", InvalidArgError, "empty"),
        ("n" * 32, "demo", InvalidArgError, "at most 31"),
        ("test", "s" * 64, InvalidArgError, "at most 63"),
        (b"test", "demo", TypeError, "namespace is a str"),
        (None, "demo", TypeError, "namespace is a str"),
        ("test", 5, TypeError, "set is a str or None"),
    ],
)
def test_names_of_namespace_and_set_are_checked(
    namespace: Any, set_name: Any, error: type[Exception], text: str
) -> None:
    with pytest.raises(error, match=text):
        aerospike_np.calc_digest(namespace, set_name, 1)
