"""Functions of records: modules of Lua code on the servers, and what a call of one is given."""

from __future__ import annotations

import base64
import binascii
import os
import time
from typing import TYPE_CHECKING, Any

from .constants import UDF_TYPE_LUA
from .exception import (
    AerospikeError,
    AerospikeTimeoutError,
    InvalidArgError,
    LuaFileNotFound,
    UDFError,
)

if TYPE_CHECKING:
    from ._engine import Core

_SOURCE_MAX = 1 << 20  # bytes of a module that a server takes
_NAME_MAX = 127
_WAIT_S, _LOOK_S = 10.0, 0.02  # for all nodes to have a module


def arguments(args: Any, where: str) -> list[Any]:
    """What a function is called with, beside the record."""
    if args is not None and (
        isinstance(args, (str, bytes, bytearray, dict)) or not hasattr(args, "__iter__")
    ):
        raise TypeError(
            f"{where}: args is a list of the function's arguments, not {type(args).__name__}"
        )
    return [] if args is None else list(args)


def call(core: Core, key: Any, module: Any, function: Any, args: Any, policy: Any) -> Any:
    """A function is called with a record."""
    given = arguments(args, "apply")

    def finish(raw: Any, exception: AerospikeError | None) -> Any:
        if exception is None:
            return raw
        if isinstance(exception, UDFError):
            exception.module, exception.func = module, function
        raise exception

    return core.apply(key, module, function, given, policy).then(finish)


def _file_name(module: Any, where: str) -> str:
    if not isinstance(module, str):
        raise TypeError(f"{where}: a module is named by a str, not {type(module).__name__}")
    name = module if module.endswith(".lua") else f"{module}.lua"
    if name == ".lua" or len(name.encode()) > _NAME_MAX or any(c in name for c in "/:;=\n\t\0"):
        raise InvalidArgError(f"{where}: {module!r} is no name of a module")
    return name


def _is_lua(kind: Any, where: str) -> None:
    if kind != UDF_TYPE_LUA or isinstance(kind, bool):
        raise InvalidArgError(f"{where}: the only language is UDF_TYPE_LUA (0), not {kind!r}")


def _value(response: str) -> str:
    return response.rstrip("\n").partition("\t")[2]


def _fields(text: str, ends: str) -> dict[str, str]:
    return dict(part.split("=", 1) for part in text.split(ends) if "=" in part)


def _refused(where: str, name: str, value: str) -> UDFError:
    """``error=compile_error;file=a.lua;line=3;message=<base64>``, and shorter ones."""
    fields = _fields(value, ";")
    why = fields.get("error", value)
    try:
        why = base64.b64decode(fields.get("message", ""), validate=True).decode() or why
    except (binascii.Error, UnicodeDecodeError):
        pass
    line = f", line {fields['line']}" if "line" in fields else ""
    error = UDFError(f"{where}: the server refused {name}{line}: {why}")
    error.module = name
    return error


def listed(raw: Any, exception: AerospikeError | None) -> list[dict[str, Any]]:
    """The modules that ``udf-list`` tells of."""
    if exception is not None:
        raise exception
    found = []
    for entry in _value(raw).split(";"):
        fields = _fields(entry, ",")
        if "filename" in fields:
            kind = UDF_TYPE_LUA if fields.get("type", "LUA") == "LUA" else fields["type"]
            found.append({"name": fields["filename"], "hash": fields.get("hash", ""), "type": kind})
    return found


class _Change:
    """A module's source is sent, or its name; then each node is asked until all know."""

    where: str
    name: str
    command: str
    content: str | None  # base64 of the source that all must have; None: none may have any

    def __init__(self, core: Core, policy: Any) -> None:
        self.core, self.policy = core, policy

    def steps(self) -> Any:
        value = _value((yield self.core.info(None, self.command, self.policy)))
        if value.lower() not in ("ok", ""):
            raise _refused(self.where, self.name, value)
        deadline = time.monotonic() + _WAIT_S
        waiting = [name for name, _ in self.core.nodes()]
        while waiting:
            asked = f"udf-get:filename={self.name};"
            value = _value((yield self.core.info(waiting[-1], asked, self.policy)))
            if _fields(value, ";").get("content") == self.content:
                waiting.pop()
            elif time.monotonic() > deadline:
                raise AerospikeTimeoutError(
                    f"{self.where}: {_WAIT_S:.0f} s after {self.name} was taken, node {waiting[-1]} "
                    "doesn't know of it yet"
                )
            else:
                yield _LOOK_S


class Put(_Change):
    """Reads a file, and registers it under its own name."""

    where = "udf_put"

    def __init__(self, core: Core, filename: Any, udf_type: Any, policy: Any) -> None:
        super().__init__(core, policy)
        _is_lua(udf_type, self.where)
        self.name = _file_name(os.path.basename(os.fspath(filename)), self.where)
        with open(filename, "rb") as file:
            source = file.read(_SOURCE_MAX + 1)
        if not source or len(source) > _SOURCE_MAX:
            raise InvalidArgError(
                f"{self.where}: {filename} is not of 1 to {_SOURCE_MAX} bytes, as servers take them"
            )
        self.content = base64.b64encode(source).decode()
        self.command = (
            f"udf-put:filename={self.name};content={self.content};"
            f"content-len={len(self.content)};udf-type=LUA;"
        )


class Remove(_Change):
    where = "udf_remove"
    content = None

    def __init__(self, core: Core, module: Any, policy: Any) -> None:
        super().__init__(core, policy)
        self.name = _file_name(module, self.where)
        self.command = f"udf-remove:filename={self.name};"


class Get:
    def __init__(self, core: Core, module: Any, language: Any, policy: Any) -> None:
        _is_lua(language, "udf_get")
        self.core, self.policy = core, policy
        self.name = _file_name(module, "udf_get")

    def steps(self) -> Any:
        response = yield self.core.info(None, f"udf-get:filename={self.name};", self.policy)
        value = _value(response)
        fields = _fields(value, ";")
        if "content" not in fields:
            error = _refused("udf_get", self.name, value)
            if fields.get("error") == "not_found":
                error = LuaFileNotFound(
                    f"udf_get: the server has no module {self.name}; see udf_list()"
                )
                error.module = self.name
            raise error
        return base64.b64decode(fields["content"]).decode()
