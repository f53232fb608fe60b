"""Each command of other people's clients does against our node what it does against a server."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from .clients import OTHERS

NEVER = 0xFFFFFFFF
pytestmark = pytest.mark.filterwarnings("ignore:.*append is deprecated:DeprecationWarning")


@pytest.fixture(params=list(OTHERS))
def peer(request: pytest.FixtureRequest, client_of: Callable[[str], Any]) -> Any:
    """Each of the other clients in turn."""
    return client_of(request.param)


def test_put_get_and_select(peer: Any, fresh: str) -> None:
    key = ("test", fresh, "a")
    peer.put(key, {"a": 1, "b": "two", "c": 3.5})
    assert peer.get(key) == {"a": 1, "b": "two", "c": 3.5}
    assert peer.get(key, ["a", "c", "nope"]) == {"a": 1, "c": 3.5}
    assert peer.get(("test", fresh, "missing")) is None


def test_put_again_adds_bins_and_counts_generations(peer: Any, fresh: str) -> None:
    key = ("test", fresh, 1)
    for i in range(3):
        peer.put(key, {f"b{i}": i})
    assert peer.get(key) == {"b0": 0, "b1": 1, "b2": 2}
    assert peer.meta(key) == (3, NEVER)


def test_bin_that_is_set_to_nothing_is_removed_and_the_last_one_takes_the_record(
    peer: Any, fresh: str
) -> None:
    key = ("test", fresh, 1)
    peer.put(key, {"a": 1, "b": 2})
    peer.remove_bin(key, "a")
    assert peer.get(key) == {"b": 2}
    peer.remove_bin(key, "b")
    assert peer.get(key) is None


def test_exists_and_remove(peer: Any, fresh: str) -> None:
    key = ("test", fresh, 1)
    assert not peer.exists(key)
    assert peer.code(peer.remove, key) == 2
    peer.put(key, {"a": 1})
    assert peer.exists(key)
    assert peer.code(peer.remove, key) == 0
    assert not peer.exists(key) and peer.get(key) is None


def test_touch_sets_the_time_to_live(peer: Any, fresh: str) -> None:
    key = ("test", fresh, 1)
    assert peer.code(peer.touch, key, 100) == 2
    peer.put(key, {"a": 1})
    assert peer.meta(key) == (1, NEVER)
    peer.touch(key, 100)
    generation, ttl = peer.meta(key)
    assert generation == 2 and 98 <= ttl <= 100


def test_put_with_a_time_to_live(peer: Any, fresh: str) -> None:
    key = ("test", fresh, 1)
    peer.put(key, {"a": 1}, ttl=1000)
    assert 900 <= peer.meta(key)[1] <= 1000


def test_create_only_and_generation_are_checked(peer: Any, fresh: str) -> None:
    key = ("test", fresh, 1)
    assert peer.code(peer.put, key, {"a": 1}, create_only=True) == 0
    assert peer.code(peer.put, key, {"a": 2}, create_only=True) == 5
    assert peer.code(peer.put, key, {"a": 3}, generation=7) == 3
    assert peer.code(peer.put, key, {"a": 4}, generation=1) == 0
    assert peer.get(key) == {"a": 4}


def test_key_is_stored_when_sent(peer: Any, fresh: str) -> None:
    key = ("test", fresh, "sent")
    peer.put(key, {"a": 1}, send_key=True)
    peer.put(key, {"b": 2})
    assert peer.get(key) == {"a": 1, "b": 2}


def test_append_and_increment(peer: Any, fresh: str) -> None:
    key = ("test", fresh, 1)
    peer.put(key, {"s": "ab", "n": 5, "f": 0.5})
    peer.append(key, "s", "cd")
    peer.increment(key, "n", -7)
    peer.increment(key, "f", 0.25)
    assert peer.get(key) == {"s": "abcd", "n": -2, "f": 0.75}
    assert peer.code(peer.increment, key, "s", 1) == 12


def test_unknown_namespace_is_refused(peer: Any) -> None:
    assert peer.code(peer.put, ("nope", "demo", 1), {"a": 1}) == peer.no_namespace_code


def test_record_that_is_too_big_is_refused(peer: Any, fresh: str) -> None:
    key = ("test", fresh, 1)
    assert peer.code(peer.put, key, {"a": bytes(1024 * 1024)}) == 13
    assert peer.code(peer.put, key, {"a": bytes(1024 * 1024 - 200)}) == 0
    assert len(peer.get(key)["a"]) == 1024 * 1024 - 200


def test_namespaces_are_apart(peer: Any, fresh: str) -> None:
    peer.put(("test", fresh, 1), {"a": 1})
    peer.put(("mem", fresh, 1), {"a": 2})
    assert peer.get(("test", fresh, 1)) == {"a": 1}
    assert peer.get(("mem", fresh, 1)) == {"a": 2}


def test_batch_write_read_and_remove(peer: Any, fresh: str) -> None:
    keys = [("test", fresh, f"k{i}") for i in range(10)]
    assert peer.batch_write([(key, {"n": i}) for i, key in enumerate(keys)]) == [0] * 10
    asked = [keys[3], ("test", fresh, "missing"), keys[9], keys[3]]
    assert peer.batch_read(asked) == [{"n": 3}, None, {"n": 9}, {"n": 3}]
    assert peer.batch_remove([*keys[:2], ("test", fresh, "missing")]) == [0, 0, 2]
    assert peer.batch_read(keys[:3]) == [None, None, {"n": 2}]


def test_batch_rows_may_differ_in_bins_and_namespace(peer: Any, fresh: str) -> None:
    rows = [
        (("test", fresh, 1), {"a": 1, "s": "x" * 1000}),
        (("mem", fresh, 1), {"b": [1, 2]}),
        (("test", fresh, 2), {"c": {"k": 1.5}}),
    ]
    assert peer.batch_write(rows) == [0, 0, 0]
    assert peer.batch_read([key for key, _ in rows]) == [bins for _, bins in rows]


def test_batch_of_twelve_thousand_keeps_order(peer: Any, fresh: str) -> None:
    keys = [("test", fresh, i) for i in range(12_000)]
    written = keys[::2]
    for at in range(0, len(written), 3000):
        part = written[at : at + 3000]
        assert peer.batch_write([(key, {"n": key[2]}) for key in part]) == [0] * len(part)
    got = peer.batch_read(keys)
    assert got == [{"n": i} if i % 2 == 0 else None for i in range(12_000)]


def test_truncate_empties_one_set(peer: Any, fresh: str) -> None:
    peer.put(("test", fresh, 1), {"a": 1})
    peer.put(("test", fresh + "b", 1), {"a": 1})
    peer.truncate("test", fresh)
    assert not peer.exists(("test", fresh, 1))
    assert peer.exists(("test", fresh + "b", 1))


def test_info_is_answered(peer: Any) -> None:
    assert peer.build().strip().split("\t")[-1] == "8.1.2.0"
