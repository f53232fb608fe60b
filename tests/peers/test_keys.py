"""A key has one digest, whoever computes it; so each client finds what another one wrote."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

import aerospike_np

from .clients import OTHERS, Ours

KEYS = {
    "string": "k1",
    "empty string": "",
    "unicode": "héllo",
    "long string": "x" * 1000,
    "zero": 0,
    "one": 1,
    "negative": -1,
    "largest": 2**63 - 1,
    "smallest": -(2**63),
    "bytes": b"\x01\x02\x03",
    "empty bytes": b"",
    "bytearray": bytearray(b"\x01\x02\x03"),
}

# Digests of the set `demo`; bytes are hashed as a string, bytearray as a blob.
KNOWN = {
    "k1": "b747f5854d0b33259928d0cfab7fad81d6abfbf6",
    1: "b7f4b83889e2da67de683e1df6919a1eacc446c8",
    0: "ceded27492b392e0232514bb54a8ec2076acef37",
    -1: "e9d49a24c3debdc5a6d551d3e7087999a263bb97",
    2**63 - 1: "6964c1df0d52acf332aef2bfdd54ba366285d051",
}


@pytest.mark.parametrize("other", OTHERS)
@pytest.mark.parametrize("user_key, digest", KNOWN.items())
def test_digest_is_the_known_one(
    other: str, user_key: Any, digest: str, client_of: Callable[[str], Any]
) -> None:
    key = ("test", "demo", user_key)
    assert aerospike_np.calc_digest(*key).hex() == digest
    assert client_of(other).digest(key).hex() == digest


@pytest.mark.parametrize("set_name", ["demo", "héllo", "s" * 63])
@pytest.mark.parametrize("user_key", KEYS)
@pytest.mark.parametrize("other", OTHERS)
def test_digests_are_equal(
    other: str, user_key: str, set_name: str, client_of: Callable[[str], Any]
) -> None:
    key = ("test", set_name, KEYS[user_key])
    peer = client_of(other)
    assert peer.digest(key) == bytes(aerospike_np.calc_digest(*key))


@pytest.mark.parametrize("user_key", KEYS)
@pytest.mark.parametrize("other", OTHERS)
def test_each_finds_what_the_other_wrote(
    other: str, user_key: str, fresh: str, client_of: Callable[[str], Any]
) -> None:
    ours, theirs = client_of(Ours.name), client_of(other)
    key = ("test", fresh, KEYS[user_key])
    theirs.put(key, {"a": 1})
    assert ours.get(key) == {"a": 1}
    assert ours.batch_read([key]) == [{"a": 1}]
    ours.put(key, {"b": 2})
    assert theirs.get(key) == {"a": 1, "b": 2}
    assert theirs.batch_read([key]) == [{"a": 1, "b": 2}]
    theirs.remove(key)
    assert not ours.exists(key)


@pytest.mark.parametrize("user_key", ["sent", 5, -5])
@pytest.mark.parametrize("other", OTHERS)
def test_key_that_one_sends_is_the_key_that_the_other_sends(
    other: str, user_key: Any, fresh: str, client_of: Callable[[str], Any]
) -> None:
    """The node compares a sent key with the stored one, byte for byte, and would answer 19."""
    ours, theirs = client_of(Ours.name), client_of(other)
    for first, second, name in ((ours, theirs, fresh), (theirs, ours, fresh + "b")):
        key = ("test", name, user_key)
        first.put(key, {"a": 1}, send_key=True)
        second.put(key, {"b": 2}, send_key=True)
        assert first.get(key) == {"a": 1, "b": 2}
