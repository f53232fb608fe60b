"""Times to live: what the node makes of each value, in seconds since 2010."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest
from until import until

from aerospike_np.local import LocalNode

from . import wire
from .wire import Connection, Message

EPOCH = 1262304000
NEVER, KEEP, CLIENT_DEFAULT = 0xFFFFFFFF, 0xFFFFFFFE, 0xFFFFFFFD
TEN_YEARS = 315_360_000



@pytest.fixture(scope="module")
def nodes() -> Iterator[LocalNode]:
    """`test` never expires by default; `day` does, after a day; `still` expires nothing."""
    namespaces = (
        "test",
        {"name": "day", "default_ttl": 86400},
        {"name": "still", "nsup_period": 0},
    )
    with LocalNode(namespaces=namespaces) as node:
        yield node


@pytest.fixture
def link(nodes: LocalNode) -> Iterator[Connection]:
    with Connection((nodes.host, nodes.port)) as connection:
        yield connection


asked_at = 0  # whole seconds: when the last request that sets a time was sent


def put(link: Connection, key: str, ttl: int, namespace: str = "test") -> Message:
    global asked_at
    asked_at = int(time.time())
    write = wire.op(wire.OP_WRITE, b"a", wire.PARTICLE_INTEGER, wire.integer(1))
    return link.ask(
        wire.request(write, key=key, namespace=namespace, info=(0, wire.WRITE, 0), ttl=ttl)
    )


def get(link: Connection, key: str, touch: int = 0, namespace: str = "test") -> Message:
    info = (wire.READ | wire.GET_ALL, 0, 0)
    return link.ask(wire.request(key=key, namespace=namespace, info=info, ttl=touch))


def touch(link: Connection, key: str, ttl: int) -> Message:
    global asked_at
    asked_at = int(time.time())
    return link.ask(wire.request(wire.op(wire.OP_TOUCH), key=key, info=(0, wire.WRITE, 0), ttl=ttl))


def ends_in(message: Message, seconds: int) -> bool:
    """Whether the void time is so many seconds from the last request, whenever the node took it."""
    return asked_at <= message.ttl + EPOCH - seconds <= int(time.time())


def test_touch_sets_the_void_time(link: Connection) -> None:
    assert put(link, "touched", 0).ttl == 0
    reply = touch(link, "touched", 100)
    assert reply.code == 0 and reply.generation == 2 and ends_in(reply, 100)
    assert get(link, "touched").ttl == reply.ttl


def test_touch_of_a_missing_record_is_code_2(link: Connection) -> None:
    assert touch(link, "missing", 100).code == 2
    assert get(link, "missing").code == 2


@pytest.mark.parametrize("ttl", [1, 77, TEN_YEARS])
def test_seconds_count_from_now(link: Connection, ttl: int) -> None:
    reply = put(link, f"seconds {ttl}", ttl)
    assert reply.code == 0 and ends_in(reply, ttl)


@pytest.mark.parametrize("ttl", [TEN_YEARS + 1, 0x7FFFFFFF, CLIENT_DEFAULT, 0xF0000000])
def test_values_beyond_ten_years_get_code_4(link: Connection, ttl: int) -> None:
    assert put(link, "too long", ttl).code == 4
    assert get(link, "too long").code == 2


def test_zero_is_the_namespace_default(link: Connection) -> None:
    assert put(link, "zero", 0).ttl == 0
    assert ends_in(put(link, "zero", 0, "day"), 86400)


def test_minus_one_never_expires(link: Connection) -> None:
    reply = put(link, "never", NEVER, "day")
    assert reply.code == 0 and reply.ttl == 0
    assert get(link, "never", namespace="day").ttl == 0


def test_minus_two_keeps_the_void_time(link: Connection) -> None:
    first = put(link, "kept", 500)
    time.sleep(1.1)
    second = put(link, "kept", KEEP)
    assert second.generation == 2 and second.ttl == first.ttl
    assert touch(link, "kept", KEEP).ttl == first.ttl


def test_minus_two_keeps_that_there_is_none(link: Connection) -> None:
    put(link, "kept never", NEVER, "day")
    assert put(link, "kept never", KEEP, "day").ttl == 0


def test_minus_two_on_a_new_record_is_the_default(link: Connection) -> None:
    assert put(link, "new", KEEP).ttl == 0
    assert ends_in(put(link, "new", KEEP, "day"), 86400)


def test_write_without_a_time_to_live_takes_an_old_one_away(link: Connection) -> None:
    assert put(link, "again", 100).ttl != 0
    assert put(link, "again", 0).ttl == 0


@pytest.mark.parametrize("ttl, code", [(100, 22), (0, 0), (NEVER, 0)])
def test_finite_times_need_a_supervisor_that_expires(link: Connection, ttl: int, code: int) -> None:
    assert put(link, f"still {ttl}", ttl, "still").code == code


def test_record_that_expired_is_gone(link: Connection) -> None:
    for _ in range(20):
        assert put(link, "short", 1).code == 0
        if get(link, "short").code == 0:
            break
        assert time.time() >= asked_at + 1, "it is gone before its time is over"
    else:
        raise AssertionError("it is never there")
    until(lambda: get(link, "short").code == 2, "its end")
    assert touch(link, "short", 100).code == 2
    reply = put(link, "short", 0)
    assert reply.code == 0 and reply.generation == 1


# ---- reads that touch: the number is a percentage ----


def young(link: Connection, key: str, percent: int) -> int:
    """The void time of a record of 100 seconds before a read, a second later, that may touch it."""
    before = put(link, key, 100).ttl
    time.sleep(1.1)
    assert get(link, key, percent).code == 0
    return before


def test_read_touches_in_the_last_part_of_the_time(link: Connection) -> None:
    before = young(link, "read 100", 100)
    until(lambda: get(link, "read 100", NEVER).ttl > before, "the touch")
    assert ends_in(get(link, "read 100", NEVER), 100), "the length, 100 seconds, stays"


@pytest.mark.parametrize("percent", [0, 50, NEVER])
def test_read_leaves_a_young_record_alone(link: Connection, percent: int) -> None:
    before = young(link, f"read {percent}", percent)
    time.sleep(0.3)
    assert get(link, f"read {percent}", NEVER).ttl == before


@pytest.mark.parametrize("percent", [101, 1000, KEEP])
def test_read_refuses_what_is_no_percentage(link: Connection, percent: int) -> None:
    put(link, "percent", 100)
    assert get(link, "percent", percent).code == 4
    put(link, "endless", 0)
    assert get(link, "endless", percent).code == 0, "checked only if the record has a void time"
