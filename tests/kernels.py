"""A Jupyter kernel of this interpreter and this package; it leaves the home directory alone."""

from __future__ import annotations

import importlib.util
import json
import os
import sys
from pathlib import Path

import pytest

NAME = "here"


def needs(*names: str) -> pytest.MarkDecorator:
    missing = [name for name in names if importlib.util.find_spec(name) is None]
    return pytest.mark.skipif(
        bool(missing), reason=f"kernels need more packages: pip install {' '.join(missing)}"
    )


def install(folder: Path, patch: pytest.MonkeyPatch) -> None:
    """What Jupyter finds from now on, under NAME."""
    import aerospike_np

    kernel = folder / "data" / "kernels" / NAME
    kernel.mkdir(parents=True)
    command = [sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}"]
    spec = {"argv": command, "display_name": NAME, "language": "python"}
    (kernel / "kernel.json").write_text(json.dumps(spec), encoding="utf-8")
    package = str(Path(aerospike_np.__file__).resolve().parents[1])
    search = [package, *filter(None, [os.environ.get("PYTHONPATH")])]
    patch.setenv("PYTHONPATH", os.pathsep.join(search))
    for name, place in [
        ("JUPYTER_DATA_DIR", "data"),
        ("JUPYTER_CONFIG_DIR", "config"),
        ("JUPYTER_RUNTIME_DIR", "runtime"),
        ("IPYTHONDIR", "ipython"),
    ]:
        patch.setenv(name, str(folder / place))
