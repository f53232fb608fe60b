"""The examples in README.md, docs/ and the docstrings do what they show.

Each page and each docstring begins with an empty node, as ``node``, and a client of it, as ``client``.
"""

from __future__ import annotations

import ast
import doctest
import importlib
import pkgutil
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import aerospike_np
from aerospike_np.local import LocalNode

numpy = pytest.importorskip("numpy")
if int(numpy.__version__.split(".")[0]) < 2:
    pytest.skip(
        f"the examples show arrays as NumPy 2 prints them, and this is {numpy.__version__}: "
        "pip install 'numpy>=2'",
        allow_module_level=True,
    )

ROOT = Path(__file__).resolve().parents[2]
FLAGS = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE
FENCE = re.compile(r"^( *)```(\w*)[^\n]*\n(.*?)^ *```", re.M | re.S)

PAGES = [
    path for path in [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))] if path.exists()
]
MODULES = sorted(
    module.name
    for module in pkgutil.walk_packages(aerospike_np.__path__, "aerospike_np.")
    if not module.name.endswith("__main__")
)


def only_examples(text: str) -> str:
    """The page with everything but its Python sessions blanked out, so that line numbers stay."""
    lines = [""] * (text.count("\n") + 1)
    for fence in FENCE.finditer(text):
        if fence[2] in ("python", "pycon", "py") and ">>> " in fence[3]:
            first = text.count("\n", 0, fence.start(3))
            for number, line in enumerate(fence[3].splitlines(), first):
                lines[number] = line
    return "\n".join(lines)


@pytest.fixture
def names() -> Iterator[dict[str, Any]]:
    """What an example may use without making it."""
    with LocalNode() as node, node.client() as client:
        yield {"node": node, "client": client, "aerospike_np": aerospike_np, "np": numpy}


def run(test: doctest.DocTest, names: dict[str, Any]) -> int:
    test.globs.update(names)
    said: list[str] = []
    runner = doctest.DocTestRunner(optionflags=FLAGS)
    runner.run(test, out=said.append)
    assert runner.failures == 0, "".join(said)
    return runner.tries


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_examples_of_a_page_do_what_they_show(page: Path, names: dict[str, Any]) -> None:
    text = page.read_text(encoding="utf-8")
    name = page.relative_to(ROOT).as_posix()
    run(doctest.DocTestParser().get_doctest(only_examples(text), {}, name, str(page), 0), names)
    # What is not a session is at least Python.
    for fence in FENCE.finditer(text):
        if fence[2] in ("python", "py") and ">>> " not in fence[3]:
            line = text.count("\n", 0, fence.start(3))
            source = "\n" * line + re.sub(rf"(?m)^{fence[1]}", "", fence[3])
            compile(source, str(page), "exec", ast.PyCF_ALLOW_TOP_LEVEL_AWAIT, dont_inherit=True)


@pytest.mark.parametrize(
    "test",
    [
        test
        for name in ["aerospike_np", *MODULES]
        for test in doctest.DocTestFinder(exclude_empty=True).find(
            importlib.import_module(name), name
        )
        if test.examples
    ],
    ids=lambda test: test.name,
)
def test_examples_of_a_docstring_do_what_they_show(
    test: doctest.DocTest, names: dict[str, Any]
) -> None:
    run(test, names)


def test_readme_can_be_pasted_and_prints_what_its_comments_say(
    capsys: pytest.CaptureFixture[str],
) -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    source = next(f[3] for f in FENCE.finditer(text) if f[2] == "python")
    promised = re.findall(r"^print\(.*\)  # (.*)$", source, re.M)
    assert len(promised) == source.count("print(") > 0
    exec(compile(source, "README.md", "exec"), {})
    assert capsys.readouterr().out.splitlines() == promised
