"""Builds the extension modules and the C library; all else about the package stands in pyproject.toml.

What is compiled is what lies in the folders of csrc/layers.txt. Each source is compiled once, even when
two modules link it, and only when it or a header it includes has changed.

The package brings the library for C programs along: lib/libaerospike_np.a, and include/ where it is not
built in place (there the headers are in the repository's include/).

Read from the environment: ANP_JOBS (compilers at a time), ANP_WERROR=1 (warnings are errors),
ANP_SANITIZE=1 (AddressSanitizer and UndefinedBehaviorSanitizer).
"""

from __future__ import annotations

import copy
import os
import re
import shlex
import shutil
import subprocess
import sys
import sysconfig
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from setuptools import Extension, setup
from setuptools.command.build_ext import build_ext

# A module's binding lies in csrc/python/<name>; these are the layers it links.
EXTENSIONS = {
    "engine": ["base", "wire", "table", "net", "cluster", "command"],
    "node": ["base", "wire", "data", "net", "lua", "node"],
}
# The layers in the static library for C programs.
LIBRARY = ["base", "wire", "table", "net", "cluster", "command", "api"]

MACROS = [
    ("_GNU_SOURCE", None),
    ("NPY_NO_DEPRECATED_API", "NPY_1_23_API_VERSION"),
    ("NPY_TARGET_VERSION", "NPY_1_23_API_VERSION"),
]
# Without LTO, whatever CFLAGS say: the static library is for any compiler's linker.
FLAGS = ["-std=c17", "-O3", "-fvisibility=hidden", "-pthread", "-MMD", "-fno-lto"]
WARNINGS = ["-Wall", "-Wextra", "-Wshadow", "-Wconversion", "-Wvla", "-Wstrict-prototypes"]
SANITIZE = ["-fsanitize=address,undefined", "-fno-sanitize-recover=undefined"]
SANITIZE_COMPILE = ["-O1", "-g", "-fno-omit-frame-pointer"]


def layers() -> list[str]:
    """The folders of csrc/, lowest first."""
    lines = Path("csrc/layers.txt").read_text(encoding="utf-8").splitlines()
    return [line.split(":")[0].strip() for line in lines if ":" in line and line[0] != "#"]


def sources(wanted: list[str], *more: str) -> list[str]:
    """The sources of these layers, then those of further folders."""
    folders = [f"csrc/{name}" for name in layers() if name in wanted] + [*more]
    return [path.as_posix() for folder in folders for path in sorted(Path(folder).glob("*.c"))]


def enabled(name: str) -> bool:
    return os.environ.get(name, "") not in ("", "0")


_METHOD = re.compile(r"^    def (\w+)(\(.*?\)) -> (.*?): \.\.\.$", re.M | re.S)


def async_stub() -> str:
    """The asyncio client's stub, from the sync one's: the same signatures, to be awaited."""

    def awaited(method: re.Match[str]) -> str:
        name, arguments, result = method.groups()
        if result.startswith("Stream["):  # it is not awaited, but iterated
            return f"    def {name}{arguments} -> Async{result}: ..."
        if result.startswith("Reader["):  # plain, but what it reads is to be awaited
            return f"    def {name}{arguments} -> Reader[Awaitable[{result[7:]}]: ..."
        name = {"__enter__": "__aenter__", "__exit__": "__aexit__"}.get(name, name)
        return f"    async def {name}{arguments} -> {result.replace('Client', 'AsyncClient')}: ..."

    text = Path("aerospike_np/_client.pyi").read_text(encoding="utf-8")
    text = text.replace("    @property\n    def aio(self) -> AsyncClient: ...\n", "")
    text = _METHOD.sub(awaited, text)
    face = "class AsyncClient(Plain):\n    @property\n    def sync(self) -> Client: ...\n"
    text = text.replace("class Client(Plain):\n", face)
    text = text.replace("import AsyncClient\n", "import Client\n").replace(
        "._async_client", "._client"
    )
    text = text.replace("import Callable, ", "import Awaitable, Callable, ").replace(
        "import Stream\n", "import AsyncStream\n"
    )
    return f"# Made by setup.py from _client.pyi.\n{text}"


class BuildExt(build_ext):
    """build_ext that compiles several sources at a time, and only those that changed."""

    def build_extensions(self) -> None:
        self._check_system()
        self._lua = self._find_lua()
        # NumPy first: Debian puts its own NumPy's headers (1.24's) into Python's include directory.
        self._includes = [
            f"-isystem{path}" for path in (_numpy_include(), sysconfig.get_config_var("INCLUDEPY"))
        ]
        library = sources(LIBRARY)
        names = {name for extension in self.extensions for name in self._compiled(extension)}
        names = sorted(names.union(library))
        targets = self.compiler.object_filenames(names, output_dir=self.build_temp)
        for target in targets:
            os.makedirs(os.path.dirname(target), exist_ok=True)
        jobs = int(os.environ.get("ANP_JOBS") or len(os.sched_getaffinity(0)))
        with ThreadPoolExecutor(max(jobs, 1)) as pool:
            list(pool.map(self._compile, names, targets))
        self._objects = dict(zip(names, targets, strict=True))
        super().build_extensions()
        self._archive([self._objects[name] for name in library])
        self._copy_headers()
        (self._built() / "_async_client.pyi").write_text(async_stub(), encoding="utf-8")

    def build_extension(self, ext: Extension) -> None:
        linked = copy.copy(ext)  # the original keeps its sources, for sdist
        linked.extra_objects = [self._objects[name] for name in self._compiled(ext)]
        linked.depends = [*linked.extra_objects, "setup.py"]
        linked.sources = []
        linked.extra_link_args = ["-pthread"]
        if ext.name.endswith("._node") and self._lua is not None:
            linked.extra_link_args += self._lua[1]
        if enabled("ANP_SANITIZE"):
            linked.extra_link_args += SANITIZE
        super().build_extension(linked)

    def copy_extensions_to_source(self) -> None:  # building in place
        super().copy_extensions_to_source()
        package = self.get_finalized_command("build_py").get_package_dir("aerospike_np")
        shutil.copytree(self._built() / "lib", Path(package, "lib"), dirs_exist_ok=True)
        shutil.copy(self._built() / "_async_client.pyi", package)

    def _built(self) -> Path:
        return Path(self.build_lib, "aerospike_np")

    def _archive(self, objects: list[str]) -> None:
        folder = self._built() / "lib"
        archive = folder / "libaerospike_np.a"
        newest = max(os.stat(name).st_mtime_ns for name in [*objects, "setup.py"])
        if archive.exists() and os.stat(archive).st_mtime_ns > newest and not self.force:
            return
        folder.mkdir(parents=True, exist_ok=True)
        archive.unlink(missing_ok=True)  # else what is in it would stay
        self.compiler.create_static_lib(objects, "aerospike_np", output_dir=str(folder))

    def _copy_headers(self) -> None:
        target = self._built() / "include"
        shutil.rmtree(target, ignore_errors=True)
        shutil.copytree("include", target)

    def _compile(self, source: str, target: str) -> None:
        if not (self.force or _is_stale(target)):
            return
        flags = [*FLAGS, *WARNINGS, *self._includes]
        if self._lua is not None and source.startswith("csrc/lua/"):
            flags += self._lua[0]
        if enabled("ANP_WERROR"):
            flags.append("-Werror")
        if enabled("ANP_SANITIZE"):
            flags += SANITIZE + SANITIZE_COMPILE
        self.compiler.compile(
            [source],
            output_dir=self.build_temp,
            macros=MACROS,
            include_dirs=["csrc", "include"],
            extra_postargs=flags,
        )

    def _compiled(self, ext: Extension) -> list[str]:
        """The sources of a module: with those that need Lua, or with what stands in for them."""
        unwanted = "csrc/lua/" if self._lua is None else "csrc/node/udf_none.c"
        return [name for name in ext.sources if not name.startswith(unwanted)]

    def _find_lua(self) -> tuple[list[str], list[str]] | None:
        """How to compile and to link Lua 5.4, which the embedded node calls UDFs with, if it is there."""
        candidates = [(["-I/usr/include/lua5.4"], ["-llua5.4"])]  # Debian's, without pkg-config
        for name in ("lua5.4", "lua-5.4", "lua54"):
            try:
                found = [
                    subprocess.check_output(
                        ["pkg-config", what, name], text=True, stderr=subprocess.DEVNULL
                    ).split()
                    for what in ("--cflags", "--libs")
                ]
            except (OSError, subprocess.CalledProcessError):
                continue
            candidates.insert(0, (found[0], found[1]))
        probe = b"#include <lua.h>\n#if LUA_VERSION_NUM != 504\n#error another\n#endif\n"
        for candidate in candidates:
            command = [*self._compiler(), "-E", "-x", "c", *candidate[0], "-"]
            if subprocess.run(command, input=probe, capture_output=True).returncode == 0:
                return candidate
        print(
            "aerospike_np: no Lua 5.4, so the embedded node is built without UDFs. "
            "On Debian: apt-get install liblua5.4-dev",
            file=sys.stderr,
        )
        return None

    def _compiler(self) -> list[str]:
        return shlex.split(os.environ.get("CC", "")) or self.compiler.compiler_so[:1]

    def _check_system(self) -> None:
        """Say which package is missing, before a compiler says it in a hundred lines."""
        compiler = self._compiler()
        if shutil.which(compiler[0]) is None:
            raise SystemExit(
                f"aerospike_np: no C compiler ({compiler[0]}). On Debian: apt-get install gcc"
            )
        if not Path(sysconfig.get_config_var("INCLUDEPY"), "Python.h").exists():
            raise SystemExit(
                "aerospike_np: Python.h is missing. On Debian: apt-get install python3-dev"
            )
        probe = subprocess.run(
            [compiler[0], "-E", "-x", "c", "-"],
            input=b"#include <stdlib.h>\n#include <pthread.h>\n",
            capture_output=True,
        )
        if probe.returncode != 0:
            raise SystemExit(
                "aerospike_np: the C library's headers are missing. "
                "On Debian: apt-get install libc6-dev"
            )


def _numpy_include() -> str:
    try:
        import numpy
    except ImportError:
        raise SystemExit(
            "aerospike_np: building needs NumPy 2 or later: pip install 'numpy>=2.0'"
        ) from None
    if int(numpy.__version__.split(".")[0]) < 2:
        raise SystemExit(
            f"aerospike_np: building needs NumPy 2 or later, and this is {numpy.__version__} "
            "(what is built against it runs on NumPy 1.24 too)"
        )
    return numpy.get_include()


def _is_stale(target: str) -> bool:
    """Whether an object is older than what it was made from, as its .d file lists it."""
    try:
        made = os.stat(target).st_mtime_ns
        listed = Path(target).with_suffix(".d").read_text(encoding="utf-8")
        inputs = listed.replace("\\\n", " ").split(": ", 1)[1].split()
        return any(os.stat(name).st_mtime_ns > made for name in [*inputs, "setup.py"])
    except (OSError, IndexError):
        return True


setup(
    cmdclass={"build_ext": BuildExt},
    ext_modules=[
        Extension(f"aerospike_np._{name}", sources(below, f"csrc/python/{name}"), libraries=["m"])
        for name, below in EXTENSIONS.items()
    ],
)
