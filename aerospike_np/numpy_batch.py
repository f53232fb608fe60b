"""The result of batch reads into arrays, where aerospike-py has it."""

from __future__ import annotations

from ._results import NumpyBatchRecords

__all__ = ["NumpyBatchRecords"]
