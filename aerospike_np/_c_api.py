"""Where a C compiler finds the engine: its headers, and the library to link."""

from __future__ import annotations

from pathlib import Path

__all__ = ["get_include", "get_library_dir"]

_PACKAGE = Path(__file__).resolve().parent


def get_include() -> str:
    """The folder for a C compiler's ``-I``: ``#include <aerospike_np/aerospike_np.h>`` is found in it.

    Returns
    -------
    str
        An absolute path.

    Examples
    --------
    >>> import os
    >>> import aerospike_np
    >>> sorted(os.listdir(os.path.join(aerospike_np.get_include(), "aerospike_np")))[:3]
    ['aerospike_np.h', 'batch.h', 'client.h']
    """
    return _folder("include", "aerospike_np/aerospike_np.h")


def get_library_dir() -> str:
    """The folder for a C compiler's ``-L``: ``-laerospike_np`` is found in it, a static library.

    Returns
    -------
    str
        An absolute path.

    Examples
    --------
    >>> import os
    >>> import aerospike_np
    >>> os.listdir(aerospike_np.get_library_dir())
    ['libaerospike_np.a']

    What a program needs to be compiled and linked, in a shell::

        cc rows.c -I"$(python -c 'import aerospike_np as a; print(a.get_include())')" \\
            -L"$(python -c 'import aerospike_np as a; print(a.get_library_dir())')" \\
            -laerospike_np -pthread
    """
    return _folder("lib", "libaerospike_np.a")


def _folder(name: str, wanted: str) -> str:
    # Built in place, and installed with pip install -e, the headers are beside the package.
    for parent in (_PACKAGE, _PACKAGE.parent):
        if (parent / name / wanted).is_file():
            return str(parent / name)
    raise FileNotFoundError(
        f"{_PACKAGE / name / wanted} is not there: build it (pip install . does)"
    )
