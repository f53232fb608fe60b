"""Records that tell which they are: bin a of key i in test.s is 7 i + 1. A reply of another's would show."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from aerospike_np.local import LocalNode

DTYPE = [("a", "i8")]


def value(key: Any) -> Any:
    return key * 7 + 1


def keyed(n: int, *fields: tuple[Any, ...]) -> np.ndarray[Any, Any]:
    """Rows with keys from 0 on, and zeros in these fields."""
    made = np.zeros(n, [("_key", "i8"), *fields])
    made["_key"] = np.arange(n)
    return made


def rows(n: int, *more: tuple[str, str]) -> np.ndarray[Any, Any]:
    """The records as they are written, with room for more bins."""
    made = keyed(n, *DTYPE, *more)
    made["a"] = value(made["_key"])
    return made


@contextmanager
def node(n: int) -> Iterator[LocalNode]:
    """A node that has so many."""
    with LocalNode() as node:
        with node.client() as client:
            client.batch_write_numpy(rows(n), "test", "s")
        yield node


def read(client: Any, keys: Any, **more: Any) -> Any:
    """Some of them, or the first so many."""
    keys = np.arange(keys) if isinstance(keys, int) else keys
    return client.batch_read(keys, _dtype=DTYPE, namespace="test", set_name="s", **more)


def is_right(found: Any) -> bool:
    """Whether these are the first so many, each with its own value."""
    return bool(
        (found.result_codes == 0).all()
        and (found.batch_records["a"] == value(np.arange(len(found)))).all()
    )
