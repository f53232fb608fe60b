"""The library for C programs as it is shipped: what get_include() and get_library_dir() give is enough."""

from __future__ import annotations

import os
import re
import shutil
import socket
import subprocess
from pathlib import Path

import pytest

import aerospike_np
from aerospike_np.local import LocalNode

ROOT = Path(__file__).resolve().parents[2]
EXAMPLE = ROOT / "docs" / "examples" / "rows.c"
PAGE = ROOT / "docs" / "c.md"
HEADERS = sorted(Path(aerospike_np.get_include(), "aerospike_np").glob("*.h"))
LIBRARY = Path(aerospike_np.get_library_dir(), "libaerospike_np.a")

PROGRAM = [f"-L{LIBRARY.parent}", "-laerospike_np", "-pthread"]
if "libasan" in os.environ.get("LD_PRELOAD", ""):  # then the library is built for it
    PROGRAM += ["-fsanitize=address,undefined"]
C11 = ["cc", "-std=c11", "-pedantic", "-Wall", "-Wextra", "-Werror"]
CPP17 = ["c++", "-std=c++17", "-pedantic", "-Wall", "-Wextra", "-Werror"]


def tool(name: str, package: str) -> pytest.MarkDecorator:
    return pytest.mark.skipif(
        shutil.which(name) is None, reason=f"no {name}: apt-get install {package}"
    )


needs_c = tool("cc", "gcc libc6-dev")
needs_cpp = tool("c++", "g++")
needs_readelf = tool("readelf", "binutils")


def run(
    *command: str | Path, env: dict[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*map(str, command)], capture_output=True, text=True, timeout=120, env=env
    )


def compile(compiler: list[str], source: Path, *more: str) -> None:
    done = run(*compiler, f"-I{aerospike_np.get_include()}", source, *more)
    assert done.returncode == 0, done.stderr


@pytest.fixture(scope="module")
def example(tmp_path_factory: pytest.TempPathFactory) -> Path:
    program = tmp_path_factory.mktemp("c") / "rows"
    compile(C11, EXAMPLE, "-o", str(program), *PROGRAM)
    return program


@needs_c
@pytest.mark.needs_embedded("a node of its own")
def test_example_writes_and_reads_what_its_page_shows(example: Path) -> None:
    shown = re.search(
        r"^```text\n\$ \./rows[^\n]*\n(.*?)^```", PAGE.read_text("utf-8"), re.M | re.S
    )
    assert shown is not None
    with LocalNode() as node, node.client() as client:
        done = run(example, node.host, str(node.port))
        assert (done.returncode, done.stderr) == (0, "")
        assert done.stdout == shown[1]
        record = client.get(("test", "weather", 2))  # Python finds what C wrote
        assert record.bins == {"city": "Rome", "temp": -3.0, "is_dry": False}


@needs_c
@pytest.mark.needs_embedded("a node of its own")
def test_example_reads_what_python_wrote_and_masks_what_is_not_there(example: Path) -> None:
    with LocalNode() as node, node.client() as client:
        client.put(("test", "weather", 7), {"city": "Tromsø"})
        done = run(example, node.host, str(node.port))
        assert done.stdout.splitlines()[-1] == "7: Tromsø, no temperature"
        client.put(("test", "weather", 7), {"city": "Llanfairpwllgwyngyll"})
        done = run(example, node.host, str(node.port))
        assert done.returncode == 1
        assert "first row 2, bin city (char[16]): of the wrong length" in done.stderr
        assert "CONVERSION" in done.stderr


@needs_c
def test_example_says_why_it_can_not_connect(example: Path) -> None:
    with socket.socket() as bound:  # and never listening
        bound.bind(("127.0.0.1", 0))
        port = bound.getsockname()[1]
        done = run(example, "127.0.0.1", str(port))
    assert done.returncode == 1
    assert f"127.0.0.1:{port}: connection refused" in done.stderr


@needs_c
@pytest.mark.parametrize("header", HEADERS, ids=lambda path: path.name)
def test_header_stands_alone_in_c11(header: Path, tmp_path: Path) -> None:
    source = tmp_path / "alone.c"
    source.write_text(f"#include <aerospike_np/{header.name}>\nint only;\n")
    compile(C11, source, "-fsyntax-only", "-Wstrict-prototypes", "-Wconversion")


CPP = """
#include <aerospike_np/{header}>
#include <aerospike_np/aerospike_np.h>
#include <cstdio>

struct Row {{
    int64_t id;
    float wind[3];
}};

static const anp_row_field fields[] = {{
    ANP_FIELD(Row, id, ANP_SLOT_INT, "id"),
    ANP_FIELD_ARRAY(Row, wind, ANP_SLOT_FLOAT, "wind"),
}};

int main()
{{
    const uint8_t missing = 2;
    anp_client *client = nullptr;
    anp_client_config config = {{}};
    anp_error err;
    std::printf("%d %u %s", anp_client_open(&config, &client, &err), fields[1].count,
                anp_reason_text(ANP_REASON_RANGE));
    return anp_is_missing(&missing, 2, 0, 1) ? 0 : 1;
}}
"""


@needs_cpp
@pytest.mark.parametrize("header", HEADERS, ids=lambda path: path.name)
def test_header_comes_first_in_cpp17(header: Path, tmp_path: Path) -> None:
    source = tmp_path / "first.cpp"
    source.write_text(CPP.format(header=header.name))
    compile(CPP17, source, "-fsyntax-only")


@needs_cpp
def test_cpp_program_links_and_runs(tmp_path: Path) -> None:
    source = tmp_path / "program.cpp"
    source.write_text(CPP.format(header="batch.h"))
    compile(CPP17, source, "-o", str(tmp_path / "program"), *PROGRAM)
    done = run(tmp_path / "program")
    assert (done.returncode, done.stdout) == (0, "-2 3 out of range")


def symbols() -> list[tuple[str, str, str]]:
    """(type, visibility, name) of what the library defines for others."""
    lines = run("readelf", "-sW", LIBRARY).stdout.splitlines()
    rows = [line.split() for line in lines if " GLOBAL " in line or " WEAK " in line]
    return [(row[3], row[5], row[7]) for row in rows if row[6] != "UND"]


@needs_readelf
def test_library_takes_no_name_that_is_not_its_own() -> None:
    names = {name for _, _, name in symbols()}
    assert {name for name in names if not name.startswith(("anp_", "__odr_asan."))} == set()


@needs_readelf
def test_a_program_may_call_just_what_the_headers_declare() -> None:
    text = "\n".join(path.read_text("utf-8") for path in HEADERS)
    declared = re.findall(r"^ANP_API [^;]*?\b(anp_\w+)\(", text, re.M)
    visible = {
        name for kind, visibility, name in symbols() if (kind, visibility) == ("FUNC", "DEFAULT")
    }
    assert visible == set(declared)
    assert len(declared) == len(visible) > 5


def test_headers_name_the_packages_version() -> None:
    text = Path(aerospike_np.get_include(), "aerospike_np", "aerospike_np.h").read_text("utf-8")
    assert f'#define ANP_VERSION "{aerospike_np.__version__}"' in text


def test_page_shows_the_example_and_nothing_else() -> None:
    example = " ".join(EXAMPLE.read_text("utf-8").split())
    fences = re.findall(r"^```c\n(.*?)^```", PAGE.read_text("utf-8"), re.M | re.S)
    assert len(fences) > 3
    for fence in fences:
        assert " ".join(fence.split()) in example, fence


def test_build_that_is_not_there_is_named_with_what_to_do(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    from aerospike_np import _c_api

    monkeypatch.setattr(_c_api, "_PACKAGE", tmp_path)
    with pytest.raises(FileNotFoundError, match="pip install"):
        aerospike_np.get_library_dir()
