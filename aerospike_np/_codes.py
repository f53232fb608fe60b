"""From a result code to its exception."""

from __future__ import annotations

from typing import Any

from . import exception
from .exception import AdminError, AerospikeError, ClientError, ServerError

# They have their code from a parent, or share it with a class that stands for it.
_NO_CODE_OF_THEIR_OWN = (
    exception.ConversionError,
    exception.RustPanicError,
    exception.ClusterError,
    exception.RecordError,
    AdminError,
    ClientError,
)


def _classes() -> dict[int, type[AerospikeError]]:
    table: dict[int, type[AerospikeError]] = {
        value.code: value
        for value in vars(exception).values()
        if isinstance(value, type)
        and issubclass(value, AerospikeError)
        and "code" in vars(value)
        and value not in _NO_CODE_OF_THEIR_OWN
    }
    for code in (50, 90, 91, 92, 93, 94):  # end of a security list; LDAP
        table[code] = AdminError
    table[-1] = ClientError
    return table


_CLASSES = _classes()


def class_of(code: int) -> type[AerospikeError]:
    """The class that stands for a code; for one that nobody knows, what is nearest."""
    return _CLASSES.get(code) or (ServerError if code > 0 else ClientError)


def error_of(
    code: int,
    message: str,
    in_doubt: bool = False,
    node: str | None = None,
    key: Any = None,
    bin: str | None = None,
) -> AerospikeError:
    """The exception that stands for a code; not raised. The engine and the node make theirs with it."""
    return class_of(code)(message, code, in_doubt, node, key, bin)
