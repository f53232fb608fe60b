"""The canned server of the benchmarks and their check of answers agree, and the check can fail."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytestmark = pytest.mark.needs_embedded("a server of its own")

ROOT = Path(__file__).resolve().parents[2]
BINS = (
    "a:i",
    "b:f",
    "c:s16",
    "d:s20",
    "e:b8",
    "f:b300",
    "g:v1",
    "h:v33",
    "k:l1",
    "l:l9",
    "m:l40",
    "n:d1",
    "o:d20",
)
N = 200


@pytest.fixture(autouse=True)
def scripts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(ROOT / "benchmarks"))
    if not (ROOT / "build/benchmarks/canned_server").exists():
        pytest.skip("the canned server is not built: make bench-programs")


def test_every_kind_of_bin_is_read_as_the_benchmarks_expect_it() -> None:
    import harness
    from shapes import Shape

    works: dict[str, tuple[str, dict[str, Any]]] = {
        "rows": ("read", {}),
        "columns": ("read", {"keys": "array", "layout": "columns"}),
        "objects": ("read_objects", {}),
        "writes": ("write", {}),
        "refreshes": ("refresh", {}),
    }
    cells = [harness.Cell(name, ("ours", task), options) for name, (task, options) in works.items()]
    found = harness.run(
        harness.Group("all kinds", N, cells, Shape(BINS, missing=30, changed=1)), True, 1
    )
    assert found["left_out"] == {}
    assert all(cell["cpu_us"] > 0 and cell["records_s"] > 0 for cell in found["cells"].values())


def test_a_wrong_value_a_wrong_order_and_a_record_too_many_are_found() -> None:
    from shapes import Shape

    shape = Shape(missing=30)
    rows = shape.rows(N)
    there = np.array([shape.plain(i) is not None for i in range(N)])
    shape.check_rows(rows, there, N)
    for name in shape.names:
        wrong = rows.copy()
        wrong[name][np.flatnonzero(there)[0]] = 1
        with pytest.raises(AssertionError, match=name):
            shape.check_rows(wrong, there, N)
    for found in (~there, there[::-1], np.ones(N, bool)):
        with pytest.raises(AssertionError):
            shape.check_rows(rows, found, N)
    with pytest.raises(AssertionError):
        shape.check_rows(rows[::-1], there, N)


def test_what_is_not_here_is_left_out_by_name() -> None:
    import harness

    cells = [
        harness.Cell("no such program", ("./no_such_program", "{port}", "{n}")),
        harness.Cell("no such task", ("ours", "no_such_task")),
    ]
    found = harness.run(harness.Group("nothing", 1, cells), True, 1)
    assert sorted(found["left_out"]) == ["no such program", "no such task"]
    assert harness.Found([found]).ratio("nothing", "no such program", "no such task") is None
