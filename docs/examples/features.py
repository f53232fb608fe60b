"""What the examples share: where the cluster is, the features of an item, and the model.

``python features.py`` fills the cluster that AEROSPIKE_HOST names.
"""

from __future__ import annotations

import atexit
import functools
import os
from typing import Any

import numpy as np

from aerospike_np import Client, NumpyBatchRecords, exception
from aerospike_np.local import LocalNode

NAMESPACE, SET, ITEMS = "test", "items", 50_000
NAMES = ["price", "rating", "age", "views"]
WEIGHTS = np.array([-0.5, 1.25, -0.125, 0.75], "f4")
POLICY = {"total_timeout": 1_000}  # milliseconds: nobody waits longer for a score
AT_MOST = 1_000  # items in a request


@functools.cache
def config() -> dict[str, Any]:
    """Of the cluster that AEROSPIKE_HOST names, or of an embedded node that lives as long as this process."""
    if host := os.environ.get("AEROSPIKE_HOST"):
        return {"hosts": [(host, int(os.environ.get("AEROSPIKE_PORT", "3000")))]}
    node = LocalNode()
    atexit.register(node.stop)
    with node.client() as client:
        fill(client)
    return node.config()


def fill(client: Client) -> None:
    """Writes the items 0, 1, 2, ...: features, and how well each was sold."""
    rng = np.random.default_rng(7)
    x = rng.normal(size=(ITEMS, len(NAMES))).astype("f4")
    columns = {"_key": np.arange(ITEMS), **dict(zip(NAMES, x.T, strict=True))}
    columns["sold"] = x @ WEIGHTS + rng.normal(scale=0.1, size=ITEMS)
    client.batch_write_numpy(columns, NAMESPACE, SET).raise_for_status()


def read(items: Any) -> dict[str, Any]:
    """The arguments of ``batch_read`` for the items' features: a row of float32 each."""
    if not isinstance(items, list) or len(items) > AT_MOST:
        raise exception.InvalidArgError(f"items must be a list of at most {AT_MOST} keys")
    return {
        "keys": items,
        "bins": NAMES,
        "policy": POLICY,
        "_dtype": "f4",
        "namespace": NAMESPACE,
        "set_name": SET,
    }


def scores(got: NumpyBatchRecords) -> list[float | None]:
    """Of each item, from 0 to 1; None where there is none. A row that nobody answered for is an error."""
    unanswered = ~np.isin(got.result_codes, (0, 2))
    if unanswered.any():
        raise exception.ClusterError(f"{unanswered.sum()} of {len(got)} items without an answer")
    values = 1 / (1 + np.exp(-(got.batch_records @ WEIGHTS)))
    return [float(v) if ok else None for v, ok in zip(values, got.ok, strict=True)]


def status(error: exception.AerospikeError) -> int:
    """The HTTP status: whose fault it was, and whether to try again."""
    if isinstance(error, exception.InvalidArgError):
        return 400
    if isinstance(error, exception.AerospikeTimeoutError):
        return 504
    if isinstance(error, (exception.ClusterError, exception.BackpressureError)):
        return 503
    return 502


if __name__ == "__main__":
    with Client(config()) as client:
        fill(client)
