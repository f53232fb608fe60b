"""The builders take what the official client's and aerospike-py's take, under the same names."""

from __future__ import annotations

import importlib
import inspect
from collections.abc import Iterator
from typing import Any

import pytest

MODULES = [
    *(
        (f"aerospike_helpers.operations.{name}", f"aerospike_np.helpers.operations.{name}")
        for name in (
            "operations",
            "list_operations",
            "map_operations",
            "bitwise_operations",
            "hll_operations",
            "expression_operations",
        )
    ),
    *(
        (f"aerospike_py.{name}", f"aerospike_np.{name}")
        for name in ("list_operations", "map_operations", "hll_operations", "bit_operations")
    ),
]
# What no server of today carries out.
NOT_HERE = {"list_join", "bit_b64_encode"}


def builders(module: str) -> Iterator[tuple[str, Any]]:
    found = importlib.import_module(module)
    for name, value in vars(found).items():
        if inspect.isfunction(value) and value.__module__ == module and not name.startswith("_"):
            yield name, value


def parameters(function: Any) -> list[tuple[str, Any]]:
    return [(p.name, p.default) for p in inspect.signature(function).parameters.values()]


@pytest.mark.parametrize(("theirs", "ours"), MODULES, ids=[theirs for theirs, _ in MODULES])
def test_builders_have_the_same_parameters(theirs: str, ours: str) -> None:
    mine = importlib.import_module(ours)
    wrong = {
        name: (parameters(function), parameters(getattr(mine, name, lambda: None)))
        for name, function in builders(theirs)
        if name not in NOT_HERE
        and parameters(function) != parameters(getattr(mine, name, lambda: None))
    }
    assert not wrong
    assert any(builders(theirs))
