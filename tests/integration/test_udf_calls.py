"""Functions of records, called on our node: modules, values, records and errors."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from server import NAMESPACE

import aerospike_np as aerospike
from aerospike_np import exception as e

pytestmark = pytest.mark.sets("udf")

KEY = (NAMESPACE, "udf", 1)
ADD = "function add(rec, x, y)\n  return x + y\nend\n"

Put = Callable[..., None]


@pytest.fixture
def put(client: aerospike.Client, tmp_path: Path) -> Iterator[Put]:
    """Registers the source of a module, for the test only."""
    names = set()

    def register(source: str, name: str = "anp_mod") -> None:
        path = tmp_path / f"{name}.lua"
        path.write_text(source)
        client.udf_put(path)
        names.add(name)

    yield register
    for name in names:
        client.udf_remove(name)


def test_module_is_put_listed_got_and_removed(client: aerospike.Client, put: Put) -> None:
    put(ADD)
    sha1 = hashlib.sha1(ADD.encode()).hexdigest()
    assert {"name": "anp_mod.lua", "hash": sha1, "type": 0} in client.udf_list()
    assert client.udf_get("anp_mod") == ADD
    client.udf_remove("anp_mod")
    assert "anp_mod.lua" not in [module["name"] for module in client.udf_list()]
    client.udf_remove("anp_mod")
    with pytest.raises(e.LuaFileNotFound):
        client.udf_get("anp_mod")


def test_function_is_called_with_its_arguments(client: aerospike.Client, put: Put) -> None:
    put(ADD)
    assert client.apply(KEY, "anp_mod", "add", [1, 2]) == 3
