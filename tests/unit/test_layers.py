"""The layers only look down: csrc/layers.txt against the sources, and the package's imports."""

from __future__ import annotations

import ast
import graphlib
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
CSRC = ROOT / "csrc"
INCLUDE = ROOT / "include"
PACKAGE = ROOT / "aerospike_np"

QUOTED = re.compile(r'^\s*#\s*include\s*"([^"]+)"', re.M)
ANGLED = re.compile(r"^\s*#\s*include\s*<([^>]+)>", re.M)


def read_layers() -> dict[str, list[str]]:
    layers = {}
    for line in (CSRC / "layers.txt").read_text(encoding="utf-8").splitlines():
        if line and not line.startswith("#"):
            name, below = line.split(":")
            layers[name] = below.split()
    return layers


def read_extensions() -> dict[str, list[str]]:
    """EXTENSIONS of setup.py: which layers each extension module links."""
    for node in ast.parse((ROOT / "setup.py").read_text(encoding="utf-8")).body:
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "EXTENSIONS":
            return ast.literal_eval(node.value)
    raise AssertionError("setup.py no longer says EXTENSIONS = {...}")


LAYERS = read_layers()
EXTENSIONS = read_extensions()


def c_files() -> Iterator[tuple[Path, str, str]]:
    """Each C file with its path from csrc/ or include/, and its text."""
    for root in (CSRC, INCLUDE):
        for path in sorted(root.rglob("*.[ch]")):
            yield path, path.relative_to(root).as_posix(), path.read_text(encoding="utf-8")


def test_layers_are_listed_lowest_first_and_so_form_no_cycle() -> None:
    seen: list[str] = []
    for name, below in LAYERS.items():
        assert set(below) <= set(seen), f"{name} names a layer that is not above it in the list"
        seen.append(name)


def test_every_folder_of_csrc_is_a_layer_and_every_layer_a_folder() -> None:
    folders = {path.name for path in CSRC.iterdir() if path.is_dir()}
    assert folders == set(LAYERS)


def test_includes_look_down() -> None:
    wrong = []
    for path, name, text in c_files():
        public = path.is_relative_to(INCLUDE)
        layer = name.split("/")[0]
        may = set() if public else {layer, *LAYERS[layer]}
        for included in QUOTED.findall(text):
            first = included.split("/")[0]
            home = INCLUDE if first == "aerospike_np" else CSRC
            if first != "aerospike_np" and first not in may:
                wrong.append(f"{name} may not include {included}")
            elif not (home / included).is_file():
                wrong.append(
                    f"{name} includes {included}, which is not a path from csrc/ or include/"
                )
    assert not wrong, "\n".join(wrong)


def test_a_binding_includes_only_the_layers_it_links() -> None:
    wrong = []
    for path, name, text in c_files():
        parts = name.split("/")
        if parts[0] != "python" or len(parts) < 3 or path.is_relative_to(INCLUDE):
            continue
        for included in QUOTED.findall(text):
            first, second = included.split("/")[:2]
            if first == "python":
                fits = second == parts[1] or second.endswith(".h")
            else:
                fits = first == "aerospike_np" or first in EXTENSIONS[parts[1]]
            if not fits:
                wrong.append(f"{name} includes {included}, which _{parts[1]} does not link")
    assert not wrong, "\n".join(wrong)


def test_what_stands_in_for_lua_has_all_that_lua_has() -> None:
    function = re.compile(r"^bool (anp_lua_\w+)\(", re.M)
    wanted = function.findall((CSRC / "lua/engine.h").read_text(encoding="utf-8"))
    there = function.findall((CSRC / "node/udf_none.c").read_text(encoding="utf-8"))
    assert sorted(wanted) == sorted(there) != []


def test_no_source_file_is_included() -> None:
    wrong = [
        f"{name} includes {included}"
        for _, name, text in c_files()
        for included in QUOTED.findall(text) + ANGLED.findall(text)
        if included.endswith(".c")
    ]
    assert not wrong, "\n".join(wrong)


def test_headers_of_python_and_numpy_are_included_only_by_the_bindings() -> None:
    wrong = []
    for path, name, text in c_files():
        if path.is_relative_to(CSRC / "python"):
            continue
        for included in QUOTED.findall(text) + ANGLED.findall(text):
            if included == "Python.h" or included.startswith("numpy/"):
                wrong.append(f"{name} includes {included}")
    assert not wrong, "\n".join(wrong)


def test_headers_include_each_other_without_a_cycle() -> None:
    graph = {name: set(QUOTED.findall(text)) for _, name, text in c_files() if name.endswith(".h")}
    graphlib.TopologicalSorter(graph).prepare()  # raises CycleError, with the cycle


def python_modules() -> list[Path]:
    return sorted(path for path in PACKAGE.rglob("*.py"))


def module_name(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def is_type_checking(test: ast.expr) -> bool:
    return ast.unparse(test) in ("TYPE_CHECKING", "typing.TYPE_CHECKING")


def imported_at_import(path: Path) -> Iterator[str]:
    """The modules that importing this one imports: not those inside functions, nor for types."""
    package = module_name(path).split(".")
    if path.name != "__init__.py":
        package = package[:-1]

    def walk(body: list[ast.stmt]) -> Iterator[str]:
        for node in body:
            if isinstance(node, ast.Import):
                yield from (alias.name for alias in node.names)
            elif isinstance(node, ast.ImportFrom):
                start = package[: len(package) - node.level + 1] if node.level else []
                base = ".".join([*start, *([node.module] if node.module else [])])
                for alias in node.names:
                    inner = f"{base}.{alias.name}"
                    yield inner if is_own_module(inner) else base
            elif isinstance(node, ast.If):
                yield from walk(node.orelse if is_type_checking(node.test) else node.body)
                yield from walk(node.orelse)
            elif isinstance(node, (ast.Try, ast.With, ast.ClassDef)):
                yield from walk(node.body)
                for handler in getattr(node, "handlers", []):
                    yield from walk(handler.body)

    yield from walk(ast.parse(path.read_text(encoding="utf-8")).body)


def is_own_module(name: str) -> bool:
    path = ROOT.joinpath(*name.split("."))
    return (
        path.with_suffix(".py").is_file()
        or path.with_suffix(".pyi").is_file()
        or (path / "__init__.py").is_file()
    )


def test_python_modules_import_each_other_without_a_cycle() -> None:
    graph = {
        module_name(path): {
            name
            for name in imported_at_import(path)
            # A submodule always loads its package first; that alone is no cycle.
            if name.startswith("aerospike_np.")
        }
        for path in python_modules()
    }
    graphlib.TopologicalSorter(graph).prepare()


@pytest.mark.parametrize("path", python_modules(), ids=module_name)
def test_optional_packages_are_imported_only_where_they_are_used(path: Path) -> None:
    outside = {
        name.split(".")[0]
        for name in imported_at_import(path)
        if not name.startswith("aerospike_np") and name.split(".")[0] not in sys.stdlib_module_names
    }
    may = {"numpy"} if path.name != "pytest_plugin.py" else {"pytest"}
    assert outside <= may, f"{module_name(path)} imports {sorted(outside)} when it is imported"


def test_private_modules_do_not_import_the_public_package() -> None:
    wrong = [
        module_name(path)
        for path in python_modules()
        if path.name != "__init__.py"
        and path.name.startswith("_")
        and path.name != "__main__.py"
        and "aerospike_np" in set(imported_at_import(path))
    ]
    assert not wrong, f"{wrong} import aerospike_np itself, which imports them"


def run_python(code: str) -> str:
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_importing_the_package_loads_no_numpy() -> None:
    code = "import sys, aerospike_np; print('numpy' in sys.modules)"
    assert run_python(code) == "False"


def test_making_a_client_loads_no_numpy_but_all_else_that_its_methods_need() -> None:
    code = (
        "import sys, aerospike_np; aerospike_np.client({'hosts': [('127.0.0.1', 1)]}).aio;"
        "import aerospike_np._late; print('numpy' in sys.modules); before = set(sys.modules);"
        "aerospike_np._late.load();"
        "new = {m for m in set(sys.modules) - before if m.startswith('aerospike_np.')};"
        "print(*sorted(new))"
    )
    names = ("_batch_data", "_layout", "_refresh", "_tables", "exp")
    modules = [f"aerospike_np.{name}" for name in names]
    assert run_python(code).split() == ["False", *modules]


def test_importing_the_package_does_not_load_the_engine_before_it_is_asked_for() -> None:
    code = (
        "import sys, aerospike_np; engine = 'aerospike_np._engine'; before = engine in sys.modules;"
        "aerospike_np.Client, aerospike_np.calc_digest; print(before, engine in sys.modules)"
    )
    assert run_python(code) == "False True"


def test_importing_the_package_does_not_load_the_node() -> None:
    code = "import sys, aerospike_np; print('aerospike_np._node' in sys.modules)"
    assert run_python(code) == "False"
