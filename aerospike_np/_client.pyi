import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Literal, SupportsFloat, overload

import numpy as np
from numpy.typing import ArrayLike, DTypeLike, NDArray

from ._async_client import AsyncClient
from ._keys import Keys
from ._plain import Plain
from ._reader import Reader
from ._results import BatchRecords, BatchWriteResult, NumpyBatchRecords, TransformResult
from ._stream_driver import Stream
from .expressions import Expression
from .helpers.batch.records import BatchRecords as MixedRecords
from .types import ExistsResult, InfoResults, OperateOrderedResult, Record

_UserKey = str | int | bytes | bytearray
_Key = (
    tuple[str, str | None, _UserKey]
    | tuple[str, str | None, _UserKey | None, bytes | bytearray | None]
)
_Policy = Mapping[str, Any] | None
_Operations = list[dict[str, Any]] | tuple[dict[str, Any], ...]
_BatchKeys = Iterable[_Key] | Keys | ArrayLike
_Progress = bool | Callable[[int, int], object] | None
_Dtype = DTypeLike | Mapping[str, Any] | list[tuple[str, Any]]
_Layout = Literal["rows", "columns"]
_Compute = Mapping[str, Expression | tuple[Expression, int]] | None
_Errors = Literal["raise", "mask", "unsafe"]

class Client(Plain):
    @property
    def aio(self) -> AsyncClient: ...
    def connect(self, username: str | None = None, password: str | None = None) -> Client: ...
    def close(self, drain: float = 0) -> None: ...
    def __enter__(self) -> Client: ...
    def __exit__(self, *exc_info: object) -> None: ...
    def reader(
        self,
        _dtype: _Dtype,
        namespace: str,
        set_name: str | None,
        bins: Sequence[str] | Mapping[str, str] | None = None,
        policy: _Policy = None,
        *,
        layout: _Layout = "rows",
        errors: _Errors = "raise",
        fill: Any = None,
        compute: _Compute = None,
    ) -> Reader[NumpyBatchRecords]: ...
    def put(
        self, key: _Key, bins: dict[str, Any], meta: _Policy = None, policy: _Policy = None
    ) -> None: ...
    def get(self, key: _Key, policy: _Policy = None) -> Record: ...
    def select(self, key: _Key, bins: Sequence[str], policy: _Policy = None) -> Record: ...
    def exists(self, key: _Key, policy: _Policy = None) -> ExistsResult: ...
    def remove(self, key: _Key, meta: _Policy = None, policy: _Policy = None) -> None: ...
    def touch(
        self, key: _Key, val: int = 0, meta: _Policy = None, policy: _Policy = None
    ) -> None: ...
    def append(
        self,
        key: _Key,
        bin: str,
        val: str | bytes | bytearray,
        meta: _Policy = None,
        policy: _Policy = None,
    ) -> None: ...
    def prepend(
        self,
        key: _Key,
        bin: str,
        val: str | bytes | bytearray,
        meta: _Policy = None,
        policy: _Policy = None,
    ) -> None: ...
    def increment(
        self,
        key: _Key,
        bin: str,
        offset: SupportsFloat,
        meta: _Policy = None,
        policy: _Policy = None,
    ) -> None: ...
    def remove_bin(
        self, key: _Key, bin_names: Sequence[str], meta: _Policy = None, policy: _Policy = None
    ) -> None: ...
    def apply(
        self,
        key: _Key,
        module: str,
        function: str,
        args: Sequence[Any] | None = None,
        policy: _Policy = None,
    ) -> Any: ...
    def operate(
        self, key: _Key, ops: _Operations, meta: _Policy = None, policy: _Policy = None
    ) -> Record: ...
    def operate_ordered(
        self, key: _Key, ops: _Operations, meta: _Policy = None, policy: _Policy = None
    ) -> OperateOrderedResult: ...
    @overload
    def batch_read(
        self,
        keys: _BatchKeys,
        bins: Sequence[str] | None = None,
        policy: _Policy = None,
        _dtype: None = None,
        *,
        dtype: None = None,
        layout: _Layout = "rows",
        out: None = None,
        errors: _Errors = "raise",
        fill: Any = None,
        namespace: str | None = None,
        set_name: str | None = None,
        progress: _Progress = None,
        compute: _Compute = None,
    ) -> BatchRecords: ...
    @overload
    def batch_read(
        self,
        keys: _BatchKeys,
        bins: Sequence[str] | Mapping[str, str] | None,
        policy: _Policy,
        _dtype: _Dtype,
        *,
        dtype: None = None,
        layout: _Layout = "rows",
        out: NDArray[Any] | Mapping[str, NDArray[Any]] | None = None,
        errors: _Errors = "raise",
        fill: Any = None,
        namespace: str | None = None,
        set_name: str | None = None,
        progress: _Progress = None,
        compute: _Compute = None,
    ) -> NumpyBatchRecords: ...
    @overload
    def batch_read(
        self,
        keys: _BatchKeys,
        bins: Sequence[str] | Mapping[str, str] | None = None,
        policy: _Policy = None,
        *,
        _dtype: _Dtype,
        dtype: None = None,
        layout: _Layout = "rows",
        out: NDArray[Any] | Mapping[str, NDArray[Any]] | None = None,
        errors: _Errors = "raise",
        fill: Any = None,
        namespace: str | None = None,
        set_name: str | None = None,
        progress: _Progress = None,
        compute: _Compute = None,
    ) -> NumpyBatchRecords: ...
    @overload
    def batch_read(
        self,
        keys: _BatchKeys,
        bins: Sequence[str] | Mapping[str, str] | None = None,
        policy: _Policy = None,
        _dtype: None = None,
        *,
        dtype: _Dtype,
        layout: _Layout = "rows",
        out: NDArray[Any] | Mapping[str, NDArray[Any]] | None = None,
        errors: _Errors = "raise",
        fill: Any = None,
        namespace: str | None = None,
        set_name: str | None = None,
        progress: _Progress = None,
        compute: _Compute = None,
    ) -> NumpyBatchRecords: ...
    @overload
    def batch_read(
        self,
        keys: _BatchKeys,
        bins: Sequence[str] | Mapping[str, str] | None = None,
        policy: _Policy = None,
        _dtype: None = None,
        *,
        dtype: None = None,
        layout: _Layout = "rows",
        out: NDArray[Any] | Mapping[str, NDArray[Any]],
        errors: _Errors = "raise",
        fill: Any = None,
        namespace: str | None = None,
        set_name: str | None = None,
        progress: _Progress = None,
        compute: _Compute = None,
    ) -> NumpyBatchRecords: ...
    @overload
    def batch_write(
        self,
        records: MixedRecords,
        policy: _Policy = None,
        retry: int = 0,
        *,
        policy_batch: _Policy = None,
    ) -> MixedRecords: ...
    @overload
    def batch_write(
        self,
        records: Iterable[tuple[Any, ...]],
        policy: _Policy = None,
        retry: int = 0,
        *,
        policy_batch: _Policy = None,
    ) -> BatchWriteResult: ...
    def batch_write_numpy(
        self,
        data: Any,
        namespace: str,
        set_name: str | None,
        _dtype: DTypeLike | None = None,
        key_field: str = "_key",
        policy: _Policy = None,
        retry: int = 0,
        *,
        mask: NDArray[Any] | Mapping[str, ArrayLike] | None = None,
        ttl: int | NDArray[np.integer[Any]] | str | None = None,
        generation: int | NDArray[np.integer[Any]] | str | None = None,
        masked: Literal["keep", "remove"] = "keep",
        empty: Literal["raise", "skip"] = "raise",
        bytes_as: Literal["blob", "str"] = "blob",
        subarrays: Literal["blob", "list"] = "blob",
        progress: _Progress = None,
    ) -> BatchWriteResult: ...
    def batch_operate_numpy(
        self,
        data: Any,
        namespace: str,
        set_name: str | None,
        ops: _Operations,
        key_field: str = "_key",
        policy: _Policy = None,
        retry: int = 0,
        *,
        mask: NDArray[Any] | Mapping[str, ArrayLike] | None = None,
        ttl: int | NDArray[np.integer[Any]] | str | None = None,
        generation: int | NDArray[np.integer[Any]] | str | None = None,
        empty: Literal["raise", "skip"] = "raise",
        bytes_as: Literal["blob", "str"] = "blob",
        subarrays: Literal["blob", "list"] = "blob",
        progress: _Progress = None,
    ) -> BatchWriteResult: ...
    def batch_transform(
        self,
        keys: _BatchKeys,
        fn: Callable[..., Any],
        _dtype: DTypeLike,
        retries: int = 3,
        *,
        bins: Sequence[str] | Mapping[str, str] | None = None,
        policy: _Policy = None,
        policy_batch_write: _Policy = None,
        ttl: int = -2,
        fill: Any = None,
        create: bool = False,
        with_mask: bool = False,
        with_rows: bool = False,
        bytes_as: Literal["blob", "str"] = "blob",
        subarrays: Literal["blob", "list"] = "blob",
        namespace: str | None = None,
        set_name: str | None = None,
    ) -> TransformResult: ...
    def batch_remove(
        self,
        keys: Iterable[Any] | Keys,
        policy: _Policy = None,
        policy_batch_remove: _Policy = None,
        *,
        policy_batch: _Policy = None,
    ) -> BatchWriteResult: ...
    @overload
    def batch_operate(
        self,
        keys: _BatchKeys,
        ops: _Operations,
        policy: _Policy = None,
        policy_batch_write: _Policy = None,
        ttl: int | None = None,
        *,
        _dtype: None = None,
        dtype: None = None,
        bins: None = None,
        layout: _Layout = "rows",
        out: None = None,
        errors: _Errors = "raise",
        fill: None = None,
        retry: int = 0,
        namespace: str | None = None,
        set_name: str | None = None,
        policy_batch: _Policy = None,
        progress: _Progress = None,
    ) -> BatchWriteResult: ...
    @overload
    def batch_operate(
        self,
        keys: _BatchKeys,
        ops: _Operations,
        policy: _Policy = None,
        policy_batch_write: _Policy = None,
        ttl: int | None = None,
        *,
        _dtype: _Dtype | None = None,
        dtype: _Dtype | None = None,
        bins: Sequence[str] | Mapping[str, str] | None = None,
        layout: _Layout = "rows",
        out: NDArray[Any] | Mapping[str, NDArray[Any]] | None = None,
        errors: _Errors = "raise",
        fill: Any = None,
        retry: int = 0,
        namespace: str | None = None,
        set_name: str | None = None,
        policy_batch: _Policy = None,
        progress: _Progress = None,
    ) -> NumpyBatchRecords: ...
    def batch_apply(
        self,
        keys: Iterable[_Key | tuple[_Key, Mapping[str, Any]]] | Keys | ArrayLike,
        module: str,
        function: str,
        args: Sequence[Any] | None = None,
        policy: _Policy = None,
        policy_batch_apply: _Policy = None,
        *,
        namespace: str | None = None,
        set_name: str | None = None,
        policy_batch: _Policy = None,
        progress: _Progress = None,
    ) -> BatchWriteResult: ...
    def ping(self) -> bool: ...
    def info_all(self, command: str, policy: _Policy = None) -> InfoResults: ...
    def info_random_node(self, command: str, policy: _Policy = None) -> str: ...
    def info_single_node(
        self, command: str, host: str | tuple[str, int], policy: _Policy = None
    ) -> str: ...
    def truncate(
        self, namespace: str, set_name: str | None, nanos: int = 0, policy: _Policy = None
    ) -> None: ...
    def udf_put(
        self, filename: str | os.PathLike[str], udf_type: int = 0, policy: _Policy = None
    ) -> None: ...
    def udf_remove(self, module: str, policy: _Policy = None) -> None: ...
    def udf_get(self, module: str, language: int = 0, policy: _Policy = None) -> str: ...
    def udf_list(self, policy: _Policy = None) -> list[dict[str, Any]]: ...
    @overload
    def read_stream(
        self,
        keys: Iterable[Any] | Keys | ArrayLike,
        _dtype: None = None,
        chunk: int = 100_000,
        in_flight: int = 2,
        progress: _Progress = None,
        *,
        bins: Sequence[str] | None = None,
        policy: _Policy = None,
        layout: _Layout = "rows",
        errors: _Errors = "raise",
        fill: Any = None,
        namespace: str | None = None,
        set_name: str | None = None,
        compute: _Compute = None,
    ) -> Stream[BatchRecords]: ...
    @overload
    def read_stream(
        self,
        keys: Iterable[Any] | Keys | ArrayLike,
        _dtype: _Dtype,
        chunk: int = 100_000,
        in_flight: int = 2,
        progress: _Progress = None,
        *,
        bins: Sequence[str] | Mapping[str, str] | None = None,
        policy: _Policy = None,
        layout: _Layout = "rows",
        errors: _Errors = "raise",
        fill: Any = None,
        namespace: str | None = None,
        set_name: str | None = None,
        compute: _Compute = None,
    ) -> Stream[NumpyBatchRecords]: ...
    def write_stream(
        self,
        chunks: Iterable[Any],
        namespace: str | None = None,
        set_name: str | None = None,
        key_field: str = "_key",
        chunk: int = 100_000,
        in_flight: int = 2,
        progress: _Progress = None,
        *,
        policy: _Policy = None,
        retry: int = 0,
        ttl: int | str | None = None,
        masked: Literal["keep", "remove"] = "keep",
        empty: Literal["raise", "skip"] = "raise",
        bytes_as: Literal["blob", "str"] = "blob",
        subarrays: Literal["blob", "list"] = "blob",
    ) -> Stream[BatchWriteResult]: ...
