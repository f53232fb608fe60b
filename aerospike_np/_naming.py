"""The call that a message names: the one that was made, not the one that it is made of."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from .exception import InvalidArgError

_INNER = ("batch_read", "batch_write", "batch_write_numpy", "write_stream")


@contextmanager
def called(name: str) -> Iterator[None]:
    """What is refused inside is refused by this name."""
    try:
        yield
    except (InvalidArgError, TypeError) as error:
        inner, colon, rest = str(error.args[0] if error.args else "").partition(":")
        if colon and inner in _INNER:
            error.args = (f"{name}:{rest}",)
            if isinstance(error, InvalidArgError):
                error.msg = error.args[0]
        raise
