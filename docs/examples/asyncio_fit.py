"""Fits the model to what was sold: while it computes on one chunk of items, the next ones are read.

``python asyncio_fit.py``
"""

from __future__ import annotations

import asyncio
from typing import Any

import features
import numpy as np

from aerospike_np import AsyncClient, NumpyBatchRecords

CHUNK = 5_000


def products(got: NumpyBatchRecords) -> Any:
    """Of each column with each, over the rows that are there."""
    rows = got.batch_records[got.ok]
    return rows.T @ rows


async def fit(client: AsyncClient) -> np.ndarray[Any, Any]:
    columns = [*features.NAMES, "sold"]
    total = np.zeros((len(columns), len(columns)))
    async for got in client.read_stream(
        range(features.ITEMS),
        "f8",
        CHUNK,
        bins=columns,
        namespace=features.NAMESPACE,
        set_name=features.SET,
    ):
        # In a thread, so that the event loop has its turn too.
        total += await asyncio.to_thread(products, got)
    return np.linalg.solve(total[:-1, :-1], total[:-1, -1])


async def main() -> None:
    async with AsyncClient(features.config()) as client:
        for name, weight in zip(features.NAMES, await fit(client), strict=True):
            print(f"{name:8} {weight:6.3f}")


if __name__ == "__main__":
    asyncio.run(main())
