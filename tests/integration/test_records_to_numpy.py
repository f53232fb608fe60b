"""Records that were read without a dtype become an array afterwards."""

from __future__ import annotations

import numpy as np
from server import NAMESPACE, server

FIELDS = np.dtype([("i", "i8"), ("f", "f8")])


def test_several_records_become_one_array() -> None:
    """Each record ends where its own operations end, not where the last record's do."""
    keys = [(NAMESPACE, "records", i) for i in range(5)]
    with server("records") as node, node.client() as client:
        for i, key in enumerate(keys):
            client.put(key, {"i": i, "f": i / 2, "s": "x" * i})
        result = client.batch_read([*keys, (NAMESPACE, "records", "missing")]).to_numpy(FIELDS)
        assert result.batch_records[:5].tolist() == [(i, i / 2) for i in range(5)]
        assert result.result_codes.tolist() == [0] * 5 + [2]
        assert result.ok.tolist() == [True] * 5 + [False]
        assert result.mask["i"].tolist() == [False] * 5 + [True]
