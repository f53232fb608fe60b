"""An embedded node in a process of its own, and the canned server's values for it, or for a cluster.

python benchmarks/embedded.py                                   (prints its port; ends with its input)
python benchmarks/embedded.py --fill FROM_PORT HOST PORT N NAME:KIND ...
"""

from __future__ import annotations

import sys

import numpy as np
from shapes import Shape

import aerospike_np
from aerospike_np.local import LocalNode

CHUNK = 100_000


def serve() -> None:
    with LocalNode() as node:
        print(node.port, flush=True)
        sys.stdin.read()


def fill(source: int, host: str, port: int, n: int, shape: Shape) -> None:
    """Copies keys 0 to n - 1 of the canned server."""
    with (
        aerospike_np.client({"hosts": [("127.0.0.1", source)]}) as values,
        aerospike_np.client({"hosts": [(host, port)]}) as target,
    ):
        for first in range(0, n, CHUNK):
            numbers = np.arange(first, min(n, first + CHUNK))
            found = values.batch_read(
                numbers, namespace="test", set_name="perf", _dtype=shape.dtype
            )
            data = np.empty(len(numbers), [("_key", "i8"), *shape.dtype.descr])
            data["_key"] = numbers
            for name in shape.names:
                data[name] = found.batch_records[name]
            keep = data[found.ok]
            target.batch_write_numpy(keep, "test", "perf", bytes_as="str").raise_for_status()


def main() -> None:
    if sys.argv[1:2] == ["--fill"]:
        source, host, port, n, *bins = sys.argv[2:]
        fill(int(source), host, int(port), int(n), Shape(tuple(bins)))
    else:
        serve()


if __name__ == "__main__":
    main()
