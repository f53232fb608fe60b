"""A server whose replies are nonsense: no crash, no hang, and no row that nobody sent."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from fake_server import END, FakeServer, frame, message, op, row

import aerospike_np as aerospike

N = 3
GOOD = op(b"a", 1, struct.pack(">q", 7))


def each(ops: bytes, n_ops: int = 1) -> list[bytes]:
    return [row(ops, n_ops, index=i) for i in range(N)]


def nested(depth: int) -> bytes:
    return b"\x91" * depth + b"\x90"


# What is in bin "a" of each row; True: the row is data all the same (of an object field, or of a dict).
VALUES = {
    "operation of size 0": (op(b"a", 1, b"", 0), False),
    "operation beyond the frame": (op(b"a", 1, b"1234", 0x7FFFFFFF), False),
    "name beyond its operation": (struct.pack(">IBBBB", 6, 1, 1, 0, 200) + b"ab", False),
    "text that is not UTF-8": (op(b"a", 3, b"\xff\xfe"), True),
    "bin name that is not UTF-8": (op(b"\xff\xfe", 1, struct.pack(">q", 7)), True),
    "bin name of 200 bytes": (op(b"n" * 200, 1, struct.pack(">q", 7)), True),
    "integer of 3 bytes": (op(b"a", 1, b"123"), True),
    "double of 1 byte": (op(b"a", 2, b"1"), True),
    "bool of 2 bytes": (op(b"a", 17, b"\1\1"), True),
    "particle nobody knows": (op(b"a", 99, b"xyz"), True),
    "GeoJSON of 1 byte": (op(b"a", 23, b"x"), True),
    "list nested a million deep": (op(b"a", 20, nested(1_000_000)), True),
    "list of four thousand million": (op(b"a", 20, b"\xdd\xff\xff\xff\xff"), True),
    "text of four thousand million": (op(b"a", 20, b"\x91\xdb\xff\xff\xff\xff"), True),
    "map with a list for a key": (op(b"a", 19, b"\x81\x90\x01"), True),
    "byte that is no MessagePack": (op(b"a", 20, b"\x91\xc1"), True),
}
STREAMS = {
    "three bytes": b"\2\3\0",
    "frame of three bytes": frame(b"abc"),
    "another version": b"\7" * 40,
    "another type": frame(message(), kind=9),
    "compressed": frame(b"\0" * 20, kind=4),
    "size of 128 MiB and silence": frame(size=128 * 2**20),
    "size beyond all limits": frame(message(), size=2**47),
    "65535 operations": frame(message(n_ops=65535, ops=GOOD)),
    "65535 fields": frame(message(n_fields=65535)),
    "index out of range": frame(row(GOOD, index=N)) + END,
    "index of four thousand million": frame(row(GOOD, index=2**32 - 1)) + END,
    "the same index twice": frame(row(GOOD, index=0), row(GOOD, index=0)) + END,
    "only the end": END,
    "a row too few": frame(row(GOOD, index=0), row(GOOD, index=1)) + END,
    "no end": frame(*each(GOOD)),
    "bytes behind the end": frame(*each(GOOD)) + END + b"\2\3",
    "two ends": frame(*each(GOOD)) + END + END,
}


@pytest.fixture
def attack() -> Iterator[Any]:
    started: list[Any] = []

    def start(reply: bytes) -> aerospike.Client:
        server = FakeServer(reply)
        client = aerospike.client({"hosts": [server.address]}).connect()
        started.append((server, client))
        return client

    yield start
    for server, client in started:
        client.close()
        server.stop()


KEYS = [("test", "demo", i) for i in range(N)]
POLICY = {"total_timeout": 60_000, "max_retries": 0}  # of an answer that is whole, however wrong
NEVER_ENDS = {"total_timeout": 400, "max_retries": 0}


def limits() -> Iterator[dict[str, int]]:
    """Of an answer that is not whole: on a busy machine the first may be over before the bytes came."""
    for milliseconds in (40, 400, 4000, 20_000):
        yield {"total_timeout": milliseconds, "max_retries": 0}


def codes_of(call: Any) -> tuple[Any, Any]:
    """Result and codes, whether the call raised or not."""
    try:
        result = call()
    except aerospike.AerospikeError as error:
        result = error.partial
        assert result is not None, error
    return result, result.result_codes.tolist()


@pytest.mark.parametrize("name", VALUES)
def test_values_that_make_no_sense_are_refused_row_by_row(attack: Any, name: str) -> None:
    ops, is_data = VALUES[name]
    client = attack(frame(*each(ops)) + END)
    result, codes = codes_of(
        lambda: client.batch_read(KEYS, _dtype=[("a", "i8"), ("b", "U4")], policy=POLICY)
    )
    assert codes == ([0] * N if is_data else [-1] * N)
    assert result.batch_records["a"].tolist() == [0] * N and result.mask["a"].all()
    result, codes = codes_of(lambda: client.batch_read(KEYS, _dtype=[("a", "O")], policy=POLICY))
    assert codes == ([0] * N if is_data else [-1] * N)
    records, codes = codes_of(lambda: client.batch_read(KEYS, policy=POLICY))
    assert codes == ([0] * N if is_data else [-1] * N)
    for i in range(N):
        try:
            assert records.batch_records[i].result == codes[i]
        except aerospike.AerospikeError as error:
            assert "a" in str(error)


@pytest.mark.parametrize("name", VALUES)
def test_single_record_that_makes_no_sense_is_a_value_or_an_error(attack: Any, name: str) -> None:
    client = attack(frame(row(VALUES[name][0])))
    try:
        bins = client.get(KEYS[0], POLICY).bins
    except aerospike.AerospikeError as error:
        assert not error.in_doubt
    else:
        assert len(bins) == 1 and all(isinstance(v, (bytes, int)) for v in bins.values())


def came_whole(attack: Any, reply: bytes, rows: list[bool]) -> Any:
    """What a read comes to: these rows and no other, as soon as it had time enough."""
    for policy in limits():
        client = attack(reply)
        result, codes = codes_of(
            lambda: client.batch_read(KEYS, _dtype=[("a", "i8")], policy=policy)  # noqa: B023
        )
        ok = [c == 0 for c in codes]
        assert result.batch_records["a"].tolist() == [7 * is_ok for is_ok in ok]
        assert all(row or not is_ok for is_ok, row in zip(ok, rows, strict=True)), (ok, rows)
        if ok == rows:
            break
    assert ok == rows
    return result


@pytest.mark.parametrize("name", STREAMS)
def test_streams_that_make_no_sense_give_only_rows_that_came(attack: Any, name: str) -> None:
    came = {"the same index twice": 1, "a row too few": 2, "no end": N}.get(name, 0)
    came = N if name in ("bytes behind the end", "two ends") else came
    result = came_whole(attack, STREAMS[name], [i < came for i in range(N)])
    assert result.mask["a"].tolist() == [False] * came + [True] * (N - came)
    try:
        attack(STREAMS[name]).get(KEYS[0], NEVER_ENDS)
    except aerospike.AerospikeError as error:
        assert error.code != 0


@pytest.mark.parametrize("name", ["only the end", "a row too few", "three bytes"])
def test_write_without_an_answer_is_in_doubt(attack: Any, name: str) -> None:
    client = attack(STREAMS[name])
    data = np.zeros(N, [("_key", "i8"), ("a", "i8")])
    for policy in limits():
        result, codes = codes_of(
            lambda: client.batch_write_numpy(data, "test", "demo", policy=policy)  # noqa: B023
        )
        if result.in_doubt.any():  # it was sent before its time was over
            break
    unanswered = [c != 0 for c in codes]
    assert any(unanswered) and result.in_doubt.tolist() == unanswered


# ---- a node that says nonsense of itself ----

OWNS_ALL = "/" * 682 + "8="
INFO = {
    "a bitmap that is no base64": {"replicas": "test:0,1," + "!" * 684},
    "a bitmap that is too short": {"replicas": "test:0,1,AAAA"},
    "no namespace": {"replicas": ""},
    "a regime beyond all numbers": {"replicas": f"test:{'9' * 40},1,{OWNS_ALL}"},
    "no replica": {"replicas": "test:0,0"},
    "a million replicas": {"replicas": f"test:0,1000000,{OWNS_ALL}"},
    "a namespace of 5,000 bytes": {"replicas": f"{'n' * 5000}:0,1,{OWNS_ALL}"},
    "peers that are none": {"peers-clear-std": "nonsense"},
    "peers without an end": {"peers-clear-std": "2,3000,[[BB1,,[10.255.255.1:1]]"},
    "brackets that only open": {"peers-clear-std": "2,3000," + "[" * 100_000},
    "no name": {"node": ""},
    "a name of 5,000 bytes": {"node": "N" * 5000},
    "a generation that is no number": {"partition-generation": "x"},
    "a build that is none": {"build": "zzz"},
}
RAW_INFO = {
    "nothing": frame(kind=1),
    "lines without tabs": frame(b"abc\n\n\n", kind=1),
    "no text": frame(b"node\t\xff\xfe\nbuild\t\xff\n", kind=1),
    "NUL": frame(b"node\t\0\0\nbuild\t\0\n", kind=1),
    "three bytes": b"\2\1\0",
    "a megabyte": frame(b"x" * 2**20, kind=1),
    "128 MiB announced": frame(kind=1, size=2**27),
    "a size beyond all limits": frame(kind=1, size=2**47),
    "a record": END,
}


@pytest.mark.parametrize("name", INFO)
def test_node_with_impossible_info_is_refused_and_says_why(name: str) -> None:
    with FakeServer(END, INFO[name]) as server:
        client = aerospike.client({"hosts": [server.address], "connect_timeout": 500})
        with pytest.raises(aerospike.AerospikeError, match="127.0.0.1:"):
            client.connect()
        with pytest.raises(aerospike.AerospikeError):
            client.get(KEYS[0], NEVER_ENDS)
        client.close()
        assert server.requests == 0


@pytest.mark.parametrize("name", RAW_INFO)
def test_info_that_makes_no_sense_is_refused_and_says_why(name: str) -> None:
    with FakeServer(raw_info=RAW_INFO[name]) as server:
        client = aerospike.client({"hosts": [server.address], "connect_timeout": 300})
        with pytest.raises(aerospike.AerospikeError, match="127.0.0.1:"):
            client.connect()
        client.close()


def test_replies_cut_anywhere_give_only_rows_that_came_whole(attack: Any) -> None:
    whole = frame(*each(GOOD)) + END
    ends = [8 + (i + 1) * len(row(GOOD)) for i in range(N)]
    for cut in range(0, len(whole), 3):
        came_whole(attack, whole[:cut], [end <= cut for end in ends])


def test_bytes_of_chance_never_make_a_row_that_was_not_sent(attack: Any) -> None:
    """Flips bytes of a good reply: rows may fail, but a row that is ok holds 7, or what was flipped into it."""
    whole = bytearray(frame(*each(GOOD)) + END)
    generator = np.random.default_rng(11)
    replies = []
    for _ in range(60):
        reply = bytearray(whole)
        for at in generator.integers(8, len(reply), 2):
            reply[at] ^= int(generator.integers(1, 256))
        replies.append(bytes(reply))
    policy = {"total_timeout": 40, "max_retries": 0}
    for reply in replies:
        client = attack(reply)
        result, codes = codes_of(
            lambda: client.batch_read(KEYS, _dtype=[("a", "i8")], errors="mask", policy=policy)  # noqa: B023
        )
        masked = result.mask["a"].tolist()
        for i in range(N):
            value = struct.pack(">q", result.batch_records["a"][i])
            assert masked[i] or (codes[i] == 0 and value in reply)
            assert codes[i] == 0 or masked[i]
