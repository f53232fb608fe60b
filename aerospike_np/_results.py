"""What batch calls return: rows in the order of the keys, made when asked for."""

from __future__ import annotations

from ._batch_records import BatchRecords
from ._batch_write_result import BatchWriteResult, TransformResult
from ._numpy_batch_records import NumpyBatchRecords, raise_conversion

__all__ = [
    "BatchRecords", "BatchWriteResult", "NumpyBatchRecords", "TransformResult", "raise_conversion",
]  # fmt: skip
