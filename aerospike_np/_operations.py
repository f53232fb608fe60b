"""Every operation, once.

An operation checks nothing that the engine checks: it prepares a request (``self._core``) and says how
its raw result becomes what users get. The clients differ only in who drives the request: the sync
client's methods are made from these by ``_client``; an async client's are made the same way.
"""

from __future__ import annotations

import functools
import types
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from ._batch_operate_operations import BatchOperateOperations
from ._batch_operations import BatchOperations
from ._cluster_operations import ClusterOperations
from ._record_operations import RecordOperations

if TYPE_CHECKING:
    from ._engine import Request

OPERATIONS: dict[str, Callable[..., Any]] = {
    name: operation
    for part in (RecordOperations, BatchOperations, BatchOperateOperations, ClusterOperations)
    for name, operation in vars(part).items()
    if isinstance(operation, types.FunctionType) and not name.startswith("_")
}


def named(operation: Callable[..., Any], client: type) -> Callable[..., Any]:
    """The operation as the client's method: what Python says of wrong arguments names that."""
    own = types.FunctionType(
        operation.__code__, operation.__globals__, operation.__name__, operation.__defaults__, operation.__closure__
    )  # fmt: skip
    functools.update_wrapper(own, operation)
    own.__kwdefaults__ = operation.__kwdefaults__
    own.__qualname__ = f"{client.__name__}.{operation.__name__}"
    del own.__wrapped__  # type: ignore[attr-defined]
    return own


def made(client: Any, make: Callable[..., Request], *args: Any) -> Request:
    """The operation of what is no method of the clients: their ``_do`` drives what ``make`` prepares."""
    return make(*args)
