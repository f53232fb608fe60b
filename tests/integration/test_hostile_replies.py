"""A server whose replies are nonsense: no crash, no hang, and no row that nobody sent."""

from __future__ import annotations

import socket
import struct
import threading
from collections.abc import Iterator
from typing import Any

import pytest

import aerospike_np as aerospike

np = pytest.importorskip("numpy")

N = 3
LAST = 1


def message(
    *, code: int = 0, index: int = 0, ops: bytes = b"", n_ops: int = 0, **head: int
) -> bytes:
    return (
        struct.pack(
            ">BBBBBBIIIHH", 22, 0, 0, head.get("info3", 0), 0, code, 1, 0, index,
            head.get("n_fields", 0), n_ops,
        )
        + ops
    )  # fmt: skip


def op(name: bytes, particle: int, value: bytes, size: int | None = None) -> bytes:
    size = 4 + len(name) + len(value) if size is None else size
    return struct.pack(">IBBBB", size, 1, particle, 0, len(name)) + name + value


def frame(*messages: bytes, kind: int = 3, size: int | None = None) -> bytes:
    body = b"".join(messages)
    return struct.pack(">Q", 2 << 56 | kind << 48 | (len(body) if size is None else size)) + body


GOOD = op(b"a", 1, struct.pack(">q", 7))
END = frame(message(info3=LAST))


def row(ops: bytes, n_ops: int = 1, **head: Any) -> bytes:
    return message(ops=ops, n_ops=n_ops, **head)


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
INFO = {
    "node": "BB9000000000A01",
    "build": "8.1.2.0",
    "partition-generation": "1",
    "peers-generation": "1",
    "peers-clear-std": "1,3000,[]",
    "replicas": "test:0,1," + "/" * 682 + "8=",
}


class Hostile:
    """Answers info as a single node would, and everything else with the same bytes."""

    def __init__(self, reply: bytes) -> None:
        self.reply = reply
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.threads = [threading.Thread(target=self.accept)]
        self.sockets: list[socket.socket] = []
        self.threads[0].start()

    def accept(self) -> None:
        while True:
            try:
                peer, _ = self.listener.accept()
            except OSError:
                return
            self.sockets.append(peer)
            self.threads.append(threading.Thread(target=self.serve, args=(peer,)))
            self.threads[-1].start()

    def serve(self, peer: socket.socket) -> None:
        stream = peer.makefile("rb")
        try:
            while head := stream.read(8):
                body = stream.read(int.from_bytes(head[2:], "big"))
                peer.sendall(self.info(body.decode()) if head[1] == 1 else self.reply)
        except OSError:
            pass

    def info(self, text: str) -> bytes:
        lines = (f"{name}\t{INFO.get(name, 'ok')}\n" for name in text.splitlines())
        return frame("".join(lines).encode(), kind=1)

    def stop(self) -> None:
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        for peer in list(self.sockets):
            try:
                peer.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
        for thread in list(self.threads):
            thread.join()
        for peer in self.sockets:
            peer.close()


@pytest.fixture
def attack() -> Iterator[Any]:
    started: list[Any] = []

    def start(reply: bytes) -> aerospike.Client:
        server = Hostile(reply)
        client = aerospike.client({"hosts": [server.listener.getsockname()]}).connect()
        started.append((server, client))
        return client

    yield start
    for server, client in started:
        client.close()
        server.stop()


KEYS = [("test", "demo", i) for i in range(N)]
POLICY = {"total_timeout": 400, "max_retries": 0}


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


@pytest.mark.parametrize("name", STREAMS)
def test_streams_that_make_no_sense_give_only_rows_that_came(attack: Any, name: str) -> None:
    client = attack(STREAMS[name])
    result, codes = codes_of(lambda: client.batch_read(KEYS, _dtype=[("a", "i8")], policy=POLICY))
    came = {"the same index twice": 1, "a row too few": 2, "no end": N}.get(name, 0)
    came = N if name in ("bytes behind the end", "two ends") else came
    assert [c == 0 for c in codes] == [i < came for i in range(N)]
    assert result.batch_records["a"].tolist() == [7] * came + [0] * (N - came)
    assert result.mask["a"].tolist() == [False] * came + [True] * (N - came)
    try:
        client.get(KEYS[0], POLICY)
    except aerospike.AerospikeError as error:
        assert error.code != 0


@pytest.mark.parametrize("name", ["only the end", "a row too few", "three bytes"])
def test_write_without_an_answer_is_in_doubt(attack: Any, name: str) -> None:
    client = attack(STREAMS[name])
    data = np.zeros(N, [("_key", "i8"), ("a", "i8")])
    result, codes = codes_of(lambda: client.batch_write_numpy(data, "test", "demo", policy=POLICY))
    unanswered = [c != 0 for c in codes]
    assert any(unanswered) and result.in_doubt.tolist() == unanswered
