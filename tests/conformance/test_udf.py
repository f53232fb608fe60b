"""Calls of functions and commands about modules, byte by byte: what a server answers, and what it refuses."""

from __future__ import annotations

import base64
from typing import Any

import pytest

from . import wire
from .wire import Connection

PACKAGE, FUNCTION, ARGS = 30, 31, 32
GENERATION, GENERATION_GT, DURABLE_DELETE, CREATE_ONLY = 0x04, 0x08, 0x10, 0x20
UPDATE_ONLY, CREATE_OR_REPLACE, REPLACE_ONLY = 0x08, 0x10, 0x20

SOURCE = b"""function add(rec, x, y) return x + y end
function nothing(rec) end
function boom(rec)
  error("boom")
end
function make(rec) rec.a = 1 return aerospike:create(rec) end
function drop(rec) return aerospike:remove(rec) end
"""


def put(source: bytes = SOURCE, **changes: Any) -> str:
    content = base64.b64encode(source).decode()
    parts = {
        "filename": "pdoc.lua", "content": content, "content-len": len(content), "udf-type": "LUA", **changes,
    }  # fmt: skip
    return "udf-put:" + "".join(f"{k}={v};" for k, v in parts.items() if v is not None)


def said(connection: Connection, command: str) -> str:
    answer = connection.info(command + "\n")
    assert answer.startswith(command + "\t") and answer.endswith("\n"), answer[:200]
    return answer[len(command) + 1 : -1]


@pytest.fixture
def link(connection: Connection) -> Connection:
    assert said(connection, put()) == "ok"
    return connection


def call(
    name: bytes,
    args: bytes | None = b"\x90",
    info: tuple[int, int, int] = (0, wire.WRITE, 0),
    key: str = "u",
    module: bytes = b"pdoc",
) -> bytes:
    fields = [wire.field(PACKAGE, module), wire.field(FUNCTION, name)]
    if args is not None:
        fields.append(wire.field(ARGS, args))
    return wire.request(key=key, set_name="pdoc", info=info, fields=tuple(fields))


def ops_of(link: Connection, request: bytes) -> tuple[int, str]:
    """A reply's code, and the bytes of its operations."""
    link.send(request)
    _, body = link.take_frame()
    return body[5], body[22:].hex(" ")


def test_replies_are_the_recorded_ones(link: Connection) -> None:
    assert ops_of(link, call(b"add", b"\x92\x01\x02")) == (
        0, "00 00 00 13 01 01 00 07 53 55 43 43 45 53 53 00 00 00 00 00 00 00 03",
    )  # fmt: skip
    assert ops_of(link, call(b"nothing")) == (0, "00 00 00 0b 01 00 00 07 53 55 43 43 45 53 53")
    for request, text in [
        (call(b"boom"), b"/opt/aerospike/usr/udf/usr/udf/lua/pdoc.lua:4: boom"),
        (call(b"none"), b"function not found"),
        (call(b"add", module=b"none"), b"UDF: Execution Error 1"),
        (call(b"", module=b""), b"UDF: Execution Error 1"),
    ]:
        want = wire.op(1, b"FAILURE", 3, text).hex(" ")
        assert ops_of(link, request) == (100, want)


@pytest.mark.parametrize(
    "request_",
    [
        call(b"add", None),
        call(b"add", b""),
        call(b"add", b"\x01"),  # no list
        call(b"add", b"\x80"),
        call(b"add", b"\x92\x01"),  # cut short
        call(b"add", b"\x91\x01\x01"),  # and something behind it
        call(b"add", b"\xdd\xff\xff\xff\xff\x01"),
        call(b"add", b"\x91" * 200 + b"\x01"),  # too deep
        *(call(b"nothing", info=(0, wire.WRITE | bit, 0)) for bit in (GENERATION, GENERATION_GT, CREATE_ONLY)),
        *(call(b"nothing", info=(0, wire.WRITE, bit)) for bit in (UPDATE_ONLY, CREATE_OR_REPLACE, REPLACE_ONLY)),
    ],
)  # fmt: skip
def test_calls_that_can_not_be_are_not_valid(link: Connection, request_: bytes) -> None:
    assert ops_of(link, request_) == (4, "")


def test_head_tells_of_the_record_afterwards(link: Connection) -> None:
    reply = link.ask(call(b"nothing", key="head"))
    assert (reply.code, reply.generation, reply.ttl) == (0, 0, 0)
    assert link.ask(call(b"make", key="head")).generation == 1
    assert link.ask(call(b"make", key="head")).generation == 1  # it is there: nothing was written
    durable = (0, wire.WRITE | DURABLE_DELETE, 0)
    assert link.ask(call(b"drop", info=durable, key="head")).code == 25
    assert link.ask(call(b"drop", key="head")).generation == 0
    assert link.ask(call(b"nothing", key="head")).generation == 0


@pytest.mark.parametrize(
    ("command", "answer"),
    [
        (put(filename=None), "error=invalid_filename"),
        (put(filename="pdoc"), "error=invalid_filename"),
        (put(filename=".lua"), "error=invalid_filename"),
        (put(filename="a/b.lua"), "error=invalid_filename"),
        (put(filename="x" * 124 + ".lua"), "error=invalid_filename"),
        (put(**{"udf-type": "JS"}), "error=invalid_udf_type"),
        (put(**{"content-len": 1}), "error=invalid_content_len"),
        (put(**{"content-len": "x"}), "error=invalid_content_len"),
        (put(**{"content-len": None}), "error=invalid_content_len"),
        (put(b""), "error=invalid_content"),
        (put(content="!!!!", **{"content-len": 4}), "error=invalid_base64_content"),
        (put(b"-" * ((1 << 20) + 1)), "error=invalid_udf_content_len,>1M"),
        ("udf-get:filename=none.lua;", "error=not_found"),
        ("udf-get", "error=not_found"),
        ("udf-remove:filename=none.lua;", "ok"),
        ("udf-remove", "error=invalid_filename"),
        ("udf-clear-cache", "ok"),
    ],
)
def test_commands_about_modules(connection: Connection, command: str, answer: str) -> None:
    assert said(connection, command) == answer


def test_module_that_does_not_compile_is_told_by_line(connection: Connection) -> None:
    answer = said(connection, put(b"x = 1\ny = (\nz = 2\n", filename="bad.lua"))
    head, _, message = answer.partition(";message=")
    assert head == "error=compile_error;file=bad.lua;line=3"
    assert base64.b64decode(message) == b"')' expected (to close '(' at line 2) near '='"


def test_largest_module_is_taken(connection: Connection) -> None:
    source = b"--" + b"-" * ((1 << 20) - 3) + b"\n"
    assert said(connection, put(source, filename="large.lua")) == "ok"
    assert said(connection, "udf-get:filename=large.lua;") == (
        f"type=LUA;content={base64.b64encode(source).decode()};"
    )
    assert said(connection, "udf-remove:filename=large.lua;") == "ok"
