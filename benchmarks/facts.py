"""What a figure depends on besides the programs: the machine, the versions, the source."""

from __future__ import annotations

import os
import platform
import subprocess
import sys
import time
from importlib import metadata
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parent.parent
PACKAGES = (
    "numpy", "aerospike", "aerospike-py", "aerospike-native", "redis", "hiredis", "duckdb",
    "cassandra-driver",
)  # fmt: skip


def cpu_model() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.machine()


def simd(env: dict[str, str] | None = None) -> str:
    """The kind of lanes that digests take here, as the floor program says it."""
    said = subprocess.run(
        [ROOT / "build/benchmarks/floor", "digest", "0", "1"],
        input="", capture_output=True, text=True, check=True, env={**os.environ, **(env or {})},
    ).stdout  # fmt: skip
    return said.split('"simd": "')[1].split('"')[0]


def version(package: str) -> str | None:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None


def commit() -> str:
    said = subprocess.run(
        ["git", "describe", "--always", "--dirty", "--exclude", "*"],
        cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    return said.stdout.strip() or "unknown"


def versions(about: dict[str, Any]) -> str:
    """Of Python and of the packages that are here, in a line."""
    here = [f"{name} {version}" for name, version in about["packages"].items() if version]
    return ", ".join([f"Python {about['python']}", *here])


def facts() -> dict[str, Any]:
    return {
        "when": time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime()),
        "cpu": cpu_model(),
        "cpus": os.cpu_count(),
        "memory_gib": round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30, 1),
        "simd": simd(),
        "kernel": platform.release(),
        "python": sys.version.split()[0],
        "packages": {name: version(name) for name in PACKAGES},
        "commit": commit(),
    }
