"""Client and AsyncClient are one definition: method by method, parameter by parameter, in code, stubs and docs."""

from __future__ import annotations

import ast
import inspect
from pathlib import Path
from typing import Any

import pytest

import aerospike_np
from aerospike_np import AsyncClient, Client
from aerospike_np._operations import OPERATIONS
from aerospike_np._plain import Plain
from aerospike_np._streams import Streams

PACKAGE = Path(aerospike_np.__file__).parent
# What only one of them has: each has the other's face, and `with` is spelled differently.
ONLY_SYNC = {"aio", "__enter__", "__exit__"}
ONLY_ASYNC = {"sync", "__aenter__", "__aexit__"}


def methods(cls: type) -> dict[str, Any]:
    names = {n for c in cls.__mro__ if c is not object for n in vars(c)}
    kept = {n for n in names if not n.startswith("_") or n in ONLY_SYNC | ONLY_ASYNC}
    return {n: inspect.getattr_static(cls, n) for n in kept}


def test_each_method_has_its_twin() -> None:
    sync, other = set(methods(Client)), set(methods(AsyncClient))
    assert sync - other == ONLY_SYNC
    assert other - sync == ONLY_ASYNC
    assert set(OPERATIONS) <= sync
    assert {n for n in vars(Streams) if not n.startswith("_")} <= sync


@pytest.mark.parametrize("name", sorted(set(methods(Client)) - ONLY_SYNC))
def test_twins_have_one_signature_and_one_docstring(name: str) -> None:
    one, other = methods(Client)[name], methods(AsyncClient)[name]
    signature, twin = inspect.signature(one), inspect.signature(other)
    if name == "connect":  # each returns itself
        signature = signature.replace(return_annotation=None)
        twin = twin.replace(return_annotation=None)
    assert signature == twin
    assert inspect.getdoc(one), f"{name} has no docstring"
    if name != "close":  # who else is under way is told in each one's words
        assert inspect.getdoc(one) == inspect.getdoc(other)


@pytest.mark.parametrize("name", sorted(set(methods(AsyncClient)) - ONLY_ASYNC))
def test_what_asks_a_server_is_awaited_and_the_rest_is_plain(name: str) -> None:
    method = methods(AsyncClient)[name]
    if name in vars(Plain):
        assert method is methods(Client)[name]
    elif name in vars(Streams):
        assert inspect.isfunction(method) and not inspect.iscoroutinefunction(method)
        assert inspect.isfunction(methods(Client)[name])
    else:
        assert inspect.iscoroutinefunction(method)
        assert not inspect.iscoroutinefunction(methods(Client)[name])


def stub(file: str, name: str) -> dict[str, list[ast.FunctionDef | ast.AsyncFunctionDef]]:
    tree = ast.parse((PACKAGE / file).read_text(encoding="utf-8"))
    (cls,) = [n for n in tree.body if isinstance(n, ast.ClassDef) and n.name == name]
    out: dict[str, list[Any]] = {}
    for node in cls.body:
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            out.setdefault(node.name, []).append(node)
    return out


def test_the_stubs_say_the_same() -> None:
    sync, other = stub("_client.pyi", "Client"), stub("_async_client.pyi", "AsyncClient")
    assert set(sync) - ONLY_SYNC == set(other) - ONLY_ASYNC
    for name in sorted(set(sync) - ONLY_SYNC):
        assert len(sync[name]) == len(other[name])
        for one, twin in zip(sync[name], other[name], strict=True):
            assert ast.dump(one.args) == ast.dump(twin.args), name
            result = ast.unparse(one.returns or ast.Constant(None))
            if result.startswith("Stream["):
                assert isinstance(twin, ast.FunctionDef)
                result = f"Async{result}"
            elif result.startswith("Reader["):
                assert isinstance(twin, ast.FunctionDef)
                result = f"Reader[Awaitable[{result[7:]}]"
            else:
                assert isinstance(twin, ast.AsyncFunctionDef), name
            assert ast.unparse(twin.returns or ast.Constant(None)) == result.replace(
                "Client", "AsyncClient"
            )
