"""Where AEROSPIKE_HOST is set, the integration tests run on that cluster."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from aerospike_np.local import LocalCluster

ROOT = Path(__file__).resolve().parents[2]
FILES = sorted((ROOT / "tests" / "integration").glob("test_*.py"))
SOME = ["test_object_fields.py", "test_policies.py", "test_records_to_numpy.py"]


def test_integration_tests_run_on_the_cluster_that_is_named_and_leave_nothing_there() -> None:
    with LocalCluster(namespaces=["other"], cluster_name="blue") as cluster:
        node = cluster.nodes[2]
        environment = {
            **os.environ,
            "AEROSPIKE_HOST": node.host,
            "AEROSPIKE_PORT": str(node.port),
            "AEROSPIKE_NAMESPACE": "other",
            "AEROSPIKE_CLUSTER_NAME": "blue",
        }
        files = [f"tests/integration/{name}" for name in SOME]
        command = [sys.executable, "-m", "pytest", "-q", "-rs", "-p", "no:cacheprovider", *files]
        done = subprocess.run(
            command, env=environment, cwd=ROOT, capture_output=True, text=True, timeout=170
        )
        assert done.returncode == 0, done.stdout + done.stderr
        passed = re.findall(r"(\d+) passed", done.stdout.splitlines()[-1])
        skipped = re.findall(r"SKIPPED \[(\d+)\].*unset AEROSPIKE_HOST", done.stdout)
        assert int(passed[0]) >= 30 and sum(map(int, skipped)) <= 3, done.stdout
        assert "needs a node of a name of its own: unset AEROSPIKE_HOST" in done.stdout
        stats = [node.stats() for node in cluster.nodes]
        assert all(s["objects"] == 0 and s["requests"] > 50 for s in stats), stats


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_what_makes_nodes_of_its_own_says_so(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    if re.search(r"\bLocal(Node|Cluster)\(", text):
        assert "needs_embedded" in text, (
            f'{path.name} runs on embedded nodes only: mark it with needs_embedded("..."), or take '
            "server() of tests/server.py"
        )
