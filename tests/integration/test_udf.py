"""Functions of records: what is sent, as the official client sends it, and what becomes of odd replies.

The server is one that plays them; test_udf_calls.py calls functions on our node.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from fake_server import FakeServer, frame, message, op, row

import aerospike_np as aerospike
from aerospike_np import exception as e

KEY = ("test", "demo", 1)
SOURCE = "function one(rec)\n  return 1\nend\n"
# Recorded: apply(KEY, "sample", "list_append", ["name", "car"]) of the official client, after the message's head.
SENT = bytes.fromhex(
    "000000050074657374000000050164656d6f0000001504b7f4b83889e2da67de683e1df6919a1eacc446c8"
    "000000071e73616d706c650000000c1f6c6973745f617070656e640000000d2092a5036e616d65a403636172"
)


class Modules(dict[str, str]):
    """Answers to info of a server that has modules; each is there only when it was asked for twice."""

    def __init__(self) -> None:
        super().__init__()
        self.there: dict[str, str] = {}
        self.coming: dict[str, str | None] = {}

    def get(self, command: str, default: Any = None) -> Any:
        name, _, rest = command.partition(":")
        fields = dict(part.split("=", 1) for part in rest.split(";") if "=" in part)
        if name == "udf-put":
            assert int(fields["content-len"]) == len(fields["content"])
            self.coming[fields["filename"]] = fields["content"]
            return "ok"
        if name == "udf-remove":
            self.coming[fields["filename"]] = None
            return "ok"
        if name == "udf-get":
            found = self.there.get(fields["filename"])
            if fields["filename"] in self.coming:
                new = self.coming.pop(fields["filename"])
                self.there.pop(fields["filename"], None)
                if new is not None:
                    self.there[fields["filename"]] = new
            return "error=not_found" if found is None else f"type=LUA;content={found};"
        if name == "udf-list":
            return "".join(f"filename={n},hash=ab12,type=LUA;" for n in self.there)
        return super().get(command, default)


class Calls:
    def __init__(self) -> None:
        self.bodies: list[bytes] = []
        self.answer = b""

    def __call__(self, body: bytes) -> bytes:
        self.bodies.append(body)
        return self.answer


@pytest.fixture
def calls() -> Calls:
    return Calls()


@pytest.fixture
def client(calls: Calls) -> Iterator[aerospike.Client]:
    with FakeServer(calls) as server:
        modules = Modules()
        modules.update(server.values)
        server.values = modules
        with aerospike.client({"hosts": [server.address]}) as client:
            yield client


def success(particle: int, value: bytes) -> bytes:
    return frame(row(op(b"SUCCESS", particle, value)))


def failure(text: bytes) -> bytes:
    return frame(message(code=100, ops=op(b"FAILURE", 3, text), n_ops=1))


pytestmark = pytest.mark.needs_embedded("a server that plays answers")


def test_call_is_sent_as_the_official_client_sends_it(
    client: aerospike.Client, calls: Calls
) -> None:
    calls.answer = success(1, struct.pack(">q", 0))
    assert client.apply(KEY, "sample", "list_append", ["name", "car"]) == 0
    (body,) = calls.bodies
    assert body[:4] == bytes([22, 0, 1, 0]) and body[18:22] == struct.pack(">HH", 6, 0)
    assert body[22:] == SENT


@pytest.mark.parametrize("text", [b"", b"x" * 5000, b"\xff\xfe", b"a\0b"])
def test_failure_of_any_text_is_told(client: aerospike.Client, calls: Calls, text: bytes) -> None:
    calls.answer = failure(text)
    with pytest.raises(e.UDFError, match="the UDF failed"):
        client.apply(KEY, "m", "f")


def test_other_codes_keep_their_class(client: aerospike.Client, calls: Calls) -> None:
    calls.answer = frame(message(code=13))
    with pytest.raises(e.RecordTooBig):
        client.apply(KEY, "m", "f")


@pytest.mark.parametrize(
    ("call", "error", "words"),
    [
        (lambda c: c.apply(KEY, "", "f"), e.InvalidArgError, "module has 0 bytes"),
        (lambda c: c.apply(KEY, "m", "f" * 128), e.InvalidArgError, "function has 128 bytes"),
        (lambda c: c.apply(KEY, 5, "f"), TypeError, "module is a str, not int"),
        (lambda c: c.apply(KEY, "m", "f", "args"), TypeError, "args is a list"),
        (lambda c: c.apply(KEY, "m", "f", [object()]), TypeError, "apply: args: .*object"),
        (lambda c: c.apply(KEY, "m", "f", policy={"gen": 1}), e.InvalidArgError, "unknown key 'gen'"),
        (lambda c: c.apply(KEY, "m", "f", policy={"exists": 1}), e.InvalidArgError, "'exists'"),
        (lambda c: c.udf_get("a;b"), e.InvalidArgError, "no name of a module"),
        (lambda c: c.udf_remove("x" * 124), e.InvalidArgError, "no name of a module"),
        (lambda c: c.udf_put("m.lua", 1), e.InvalidArgError, "UDF_TYPE_LUA"),
    ],
)  # fmt: skip
def test_what_can_not_be_right_is_refused_before_it_is_sent(
    client: aerospike.Client,
    calls: Calls,
    call: Callable[[Any], Any],
    error: type[Exception],
    words: str,
) -> None:
    with pytest.raises(error, match=words):
        call(client)
    assert not calls.bodies


def test_nodes_are_asked_until_they_know_of_a_module_or_of_its_end(
    client: aerospike.Client, tmp_path: Path
) -> None:
    path = tmp_path / "mine.lua"
    path.write_text(SOURCE)
    client.udf_put(path)
    assert client.udf_list() == [{"name": "mine.lua", "hash": "ab12", "type": 0}]
    assert client.udf_get("mine") == client.udf_get("mine.lua") == SOURCE
    path.write_text(SOURCE.replace("1", "2"))
    client.udf_put(str(path))
    assert "return 2" in client.udf_get("mine")
    client.udf_remove("mine")
    assert client.udf_list() == []
    client.udf_remove("mine")
    with pytest.raises(e.LuaFileNotFound, match="no module mine.lua"):
        client.udf_get("mine")


@pytest.mark.parametrize("size", [0, (1 << 20) + 1])
def test_file_that_no_server_takes_is_refused(
    client: aerospike.Client, tmp_path: Path, size: int
) -> None:
    path = tmp_path / "m.lua"
    path.write_bytes(b" " * size)
    with pytest.raises(e.InvalidArgError, match="1 to 1048576 bytes"):
        client.udf_put(path)
    with pytest.raises(FileNotFoundError):
        client.udf_put(tmp_path / "none.lua")
