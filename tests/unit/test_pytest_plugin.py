"""The fixtures that the package brings for users' tests: alone in each test, and nothing left behind."""

from __future__ import annotations

import importlib.util
import re
import tomllib
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

import aerospike_np
from aerospike_np.local import LocalNode

pytest_plugins = ["pytester"]

ROOT = Path(__file__).resolve().parents[2]
INSTALLED = Path(aerospike_np.__file__).resolve().parents[1]
Run = Callable[..., pytest.RunResult]


@pytest.fixture
def run(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Runs pytest on a file in a process of its own, with no plugin but ours and those that are named."""
    for name in ("HOST", "PORT", "NAMESPACE", "CLUSTER_NAME"):
        monkeypatch.delenv(f"AEROSPIKE_{name}", raising=False)
    monkeypatch.setenv("PYTHONPATH", str(INSTALLED), prepend=":")
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
    monkeypatch.delenv("PYTEST_ADDOPTS", raising=False)

    def run(source: str, *arguments: str, plugin: bool = True) -> pytest.RunResult:
        pytester.makepyfile(test_it=source)
        ours = ("-p", "aerospike_np.pytest_plugin") if plugin else ()
        options = ("--strict-markers", "-rs", "-p", "no:cacheprovider")
        return pytester.runpytest_subprocess(*ours, *options, *arguments, timeout=170)

    return run


def said(result: pytest.RunResult, pattern: str) -> None:
    text = "\n".join(result.outlines)
    assert re.search(pattern, text), text


WRITES_WHAT_MUST_NOT_BE_THERE = """
    import pytest

    @pytest.mark.parametrize("i", range(6))
    def test_one(aerospike_client, i):
        key = ("test", "demo", 1)
        assert aerospike_client.exists(key).meta is None
        aerospike_client.put(key, {"a": i})
        assert aerospike_client.get(key).bins == {"a": i}
        assert i != 3, "fails on purpose"
"""


# ---- a test alone ----


def test_nothing_of_one_test_is_seen_by_the_next_also_when_it_fails(run: Run) -> None:
    result = run(WRITES_WHAT_MUST_NOT_BE_THERE)
    result.assert_outcomes(passed=5, failed=1)
    said(result, "fails on purpose")


def test_client_talks_to_the_node_of_the_test(run: Run) -> None:
    run(
        """
        def test_it(aerospike_node, aerospike_client, aerospike_namespace, aerospike_set):
            assert aerospike_client.get_node_names() == [aerospike_node.name]
            aerospike_client.put((aerospike_namespace, aerospike_set, 1), {"a": 1})
            assert aerospike_node.stats()["objects"] == 1
        """
    ).assert_outcomes(passed=1)


def test_cluster_has_three_nodes_and_the_client_is_of_it(run: Run) -> None:
    run(
        """
        def names(cluster):
            return {node.name for node in cluster.nodes}

        def test_it(aerospike_client, aerospike_cluster):
            assert len(aerospike_cluster.nodes) == 3
            assert set(aerospike_client.get_node_names()) == names(aerospike_cluster)
            assert all(len(owners) == 2 for owners in aerospike_cluster.owners())

        def test_the_next_has_another(aerospike_cluster, aerospike_client):
            aerospike_client.put(("test", "demo", 1), {"a": 1})
            aerospike_cluster.kill(0)

        def test_and_one_more(aerospike_cluster, aerospike_client):
            assert aerospike_client.exists(("test", "demo", 1)).meta is None
            assert {node.state for node in aerospike_cluster.nodes} == {"running"}
        """
    ).assert_outcomes(passed=3)


def test_sets_of_two_tests_have_two_names_that_stay_from_run_to_run(run: Run) -> None:
    source = """
        import pytest

        @pytest.mark.parametrize("i", range(2))
        def test_it(aerospike_set, i):
            assert len(aerospike_set) <= 63
            print("named", aerospike_set)
    """
    first, second = (
        [line for line in run(source, "-s").outlines if "named" in line] for _ in range(2)
    )
    assert first == second and len(set(first)) == 2


LOOKS_FOR_LEFTOVERS = """
    import os

    def threads_and_sockets():
        links = [f"/proc/self/fd/{fd}" for fd in os.listdir("/proc/self/fd")]
        names = [os.readlink(link) for link in links if os.path.lexists(link)]
        open_files = [name for name in names if "socket" in name or "eventpoll" in name]
        return len(os.listdir("/proc/self/task")), len(open_files)

    def pytest_sessionstart(session):
        session.before = threads_and_sockets()

    def pytest_sessionfinish(session):
        print("LEFT", [b - a for a, b in zip(session.before, threads_and_sockets())])
"""


@pytest.mark.parametrize("fixture", ["node", "cluster"])
def test_no_thread_and_no_socket_is_left(run: Run, pytester: pytest.Pytester, fixture: str) -> None:
    pytester.makeconftest(LOOKS_FOR_LEFTOVERS)
    result = run(
        f"""
        import pytest

        def test_passes(aerospike_client, aerospike_{fixture}):
            aerospike_client.put(("test", "demo", 1), {{"a": 1}})

        def test_fails(aerospike_client, aerospike_{fixture}):
            aerospike_client.put(("test", "demo", 1), {{"a": 1}})
            raise ValueError

        def test_closes_it_itself(aerospike_client, aerospike_{fixture}):
            aerospike_client.close()
            aerospike_{fixture}.stop()

        @pytest.mark.aerospike(config={{"policies": {{"nonsense": 1}}}})
        def test_has_no_client(aerospike_client, aerospike_{fixture}):
            pass
        """,
        "-s",
    )
    result.assert_outcomes(passed=2, failed=1, errors=1)
    said(result, re.escape("LEFT [0, 0]"))


# ---- what it is made with ----


def test_marker_says_what_node_and_client_are_made_with_and_the_nearest_counts(run: Run) -> None:
    run(
        """
        import pytest

        pytestmark = pytest.mark.aerospike(namespaces=["of_module"], cluster_name="blue")

        def test_module(aerospike_client, aerospike_namespace):
            assert aerospike_namespace == "of_module"
            aerospike_client.put(("of_module", "demo", 1), {"a": 1})
            assert "blue" in aerospike_client.info_random_node("cluster-name")

        @pytest.mark.aerospike(
            namespaces=[{"name": "short", "default_ttl": 60}],
            config={"policies": {"write": {"ttl": 30}}},
        )
        def test_function(aerospike_client, aerospike_namespace):
            assert aerospike_namespace == "short"
            aerospike_client.put(("short", "demo", 1), {"a": 1})
            assert aerospike_client.exists(("short", "demo", 1)).meta.ttl <= 30
            assert "blue" in aerospike_client.info_random_node("cluster-name")
        """
    ).assert_outcomes(passed=2)


def test_marker_that_names_nodes_makes_the_client_one_of_a_cluster(run: Run) -> None:
    run(
        """
        import pytest

        @pytest.mark.aerospike(nodes=2)
        def test_it(aerospike_client):
            assert len(aerospike_client.get_node_names()) == 2

        @pytest.mark.aerospike(nodes=4, replication_factor=1, rack_ids=[1, 1, 2, 2])
        def test_racks(aerospike_cluster):
            assert [node.rack_id for node in aerospike_cluster.nodes] == [1, 1, 2, 2]
            assert all(len(owners) == 1 for owners in aerospike_cluster.owners())
        """
    ).assert_outcomes(passed=2)


@pytest.mark.parametrize(
    ("arguments", "says"),
    [("3", "takes its arguments by name"), ("nods=3", "unexpected keyword argument 'nods'")],
)
def test_marker_that_cannot_be_right_is_an_error_that_says_so(
    run: Run, arguments: str, says: str
) -> None:
    result = run(
        f"""
        import pytest

        @pytest.mark.aerospike({arguments})
        def test_it(aerospike_client):
            pass
        """
    )
    result.assert_outcomes(errors=1)
    said(result, says)


def test_namespaces_of_all_tests_and_the_prefix_of_sets_stand_in_the_ini_file(
    run: Run, pytester: pytest.Pytester
) -> None:
    pytester.makeini("[pytest]\naerospike_namespaces = one two\naerospike_set_prefix = mine_\n")
    run(
        """
        def test_it(aerospike_client, aerospike_namespace, aerospike_set):
            assert aerospike_namespace == "one" and aerospike_set.startswith("mine_")
            aerospike_client.put(("two", aerospike_set, 1), {"a": 1})
        """
    ).assert_outcomes(passed=1)


# ---- with pytest and its other plugins ----


@pytest.fixture
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, run: Run) -> None:
    """pytest finds the plugin as it does when the package was installed: by what pyproject.toml says."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    info = tmp_path / "site" / "aerospike_np-0.0.0.dist-info"
    info.mkdir(parents=True)
    info.joinpath("METADATA").write_text("Metadata-Version: 2.1\nName: aerospike_np\nVersion: 0\n")
    points = project["entry-points"]["pytest11"]
    lines = [f"{name} = {where}\n" for name, where in points.items()]
    info.joinpath("entry_points.txt").write_text("".join(["[pytest11]\n", *lines]))
    monkeypatch.setenv("PYTHONPATH", str(info.parent), prepend=":")
    monkeypatch.delenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD")


@pytest.mark.usefixtures("installed")
def test_installed_plugin_is_found_and_named_in_the_lists_of_fixtures_and_markers(run: Run) -> None:
    source = "def test_it(aerospike_client): pass"
    run(source, plugin=False).assert_outcomes(passed=1)
    fixtures = run(source, "--fixtures", plugin=False)
    for name in ("client", "cluster", "namespace", "node", "set"):
        said(fixtures, rf"(?m)^aerospike_{name}.*\n +\S.*[.]$")
    said(run(source, "--markers", plugin=False), "(?m)^@pytest.mark.aerospike[(]")


@pytest.mark.usefixtures("installed")
def test_plugin_can_be_left_out(run: Run) -> None:
    result = run("def test_it(aerospike_client): pass", "-p", "no:aerospike_np", plugin=False)
    result.assert_outcomes(errors=1)
    said(result, "fixture 'aerospike_client' not found")


def test_start_of_pytest_loads_neither_numpy_nor_engine(
    run: Run, pytester: pytest.Pytester
) -> None:
    pytester.makeconftest(
        """
        import sys

        def pytest_sessionfinish():
            print("LOADED", [m for m in sys.modules if m in (
                "numpy", "aerospike_np._engine", "aerospike_np._node", "aerospike_np.local")])
        """
    )
    result = run("def test_it(): pass", "-s")
    result.assert_outcomes(passed=1)
    said(result, re.escape("LOADED []"))


def test_each_worker_of_xdist_has_its_own(run: Run) -> None:
    if importlib.util.find_spec("xdist") is None:
        pytest.skip("needs pytest-xdist: pip install pytest-xdist")
    result = run(WRITES_WHAT_MUST_NOT_BE_THERE, "-p", "xdist", "-n", "3")
    result.assert_outcomes(passed=5, failed=1)


def test_threads_of_run_parallel_share_the_node_of_their_test(run: Run) -> None:
    if importlib.util.find_spec("pytest_run_parallel") is None:
        pytest.skip("needs pytest-run-parallel: pip install pytest-run-parallel")
    result = run(
        """
        import pytest

        @pytest.mark.parametrize("i", range(3))
        def test_it(aerospike_client, aerospike_node, aerospike_set, thread_index, i):
            aerospike_client.put(("test", aerospike_set, thread_index), {"a": i})
            assert aerospike_client.get(("test", aerospike_set, thread_index)).bins == {"a": i}
            assert aerospike_node.stats()["objects"] <= 4
        """,
        "-p", "pytest_run_parallel.plugin", "--parallel-threads", "4", "-v",
    )  # fmt: skip
    result.assert_outcomes(passed=3)
    said(result, "PARALLEL")


# ---- a cluster that is there already ----


@pytest.fixture
def outside(run: Run, monkeypatch: pytest.MonkeyPatch) -> Iterator[LocalNode]:
    with LocalNode(namespaces=["test", "other"], cluster_name="blue") as node:
        monkeypatch.setenv("AEROSPIKE_HOST", node.host)
        monkeypatch.setenv("AEROSPIKE_PORT", str(node.port))
        yield node


def test_client_is_of_the_cluster_that_the_environment_names(
    run: Run, outside: LocalNode, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AEROSPIKE_NAMESPACE", "other")
    monkeypatch.setenv("AEROSPIKE_CLUSTER_NAME", "blue")
    run(
        f"""
        import pytest

        @pytest.mark.aerospike(config={{"tend_interval": 500}})
        def test_it(aerospike_client, aerospike_namespace):
            assert aerospike_namespace == "other"
            assert aerospike_client.get_node_names() == ["{outside.name}"]
        """
    ).assert_outcomes(passed=1)
    monkeypatch.setenv("AEROSPIKE_CLUSTER_NAME", "green")
    result = run("def test_it(aerospike_client): pass")
    result.assert_outcomes(errors=1)
    said(result, "blue.*green|green.*blue")


def test_what_needs_a_node_of_its_own_is_skipped_by_name(run: Run, outside: LocalNode) -> None:
    result = run(
        """
        import pytest

        def test_node(aerospike_node): pass
        def test_cluster(aerospike_client, aerospike_cluster): pass

        @pytest.mark.aerospike(nodes=5)
        def test_marked(aerospike_client): pass
        """
    )
    result.assert_outcomes(skipped=3)
    where = f"not {outside.host}:{outside.port}: unset AEROSPIKE_HOST"
    for what in ("node", "cluster", "node [(]nodes=5[)]"):
        said(result, rf"needs the embedded {what}, {where}")


def test_set_is_empty_before_a_test_and_truncated_after_it(run: Run, outside: LocalNode) -> None:
    source = """
        import os

        def test_it(aerospike_client, aerospike_namespace, aerospike_set):
            key = (aerospike_namespace, aerospike_set, 1)
            assert aerospike_client.exists(key).meta is None
            aerospike_client.put(key, {"a": 1})
            if "BREAK_OFF" in os.environ:
                os._exit(7)
            assert aerospike_client.get(key).bins == {"a": 1}
    """
    with outside.client() as client:
        client.put(("test", "of somebody else", 1), {"a": 1})
    run(source).assert_outcomes(passed=1)
    assert outside.stats()["objects"] == 1
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("BREAK_OFF", "1")
        assert run(source).ret == 7
    assert outside.stats()["objects"] == 2
    run(source).assert_outcomes(passed=1)
    assert outside.stats()["objects"] == 1


@pytest.mark.parametrize("port", ["tcp://10.0.0.1:3000", "-1"])
def test_port_that_is_no_number_is_said_by_the_test_that_needs_it_and_no_other(
    run: Run, outside: LocalNode, monkeypatch: pytest.MonkeyPatch, port: str
) -> None:
    monkeypatch.setenv("AEROSPIKE_PORT", port)
    result = run("def test_it(aerospike_client): pass\ndef test_other(): pass")
    result.assert_outcomes(passed=1, errors=1)
    said(result, f"AEROSPIKE_PORT must be a number, not '{port}'")


# ---- the page ----

PAGE = (ROOT / "docs" / "testing.md").read_text(encoding="utf-8")
FILES = [
    block
    for block in re.findall(r"^```python\n(.*?)^```", PAGE, re.M | re.S)
    if "def test_" in block and ">>> " not in block
]


@pytest.mark.parametrize("source", FILES, ids=lambda s: re.findall(r"def (test_\w+)", s)[0])
def test_examples_of_the_page_pass(run: Run, source: str) -> None:
    run(source).assert_outcomes(passed=len(re.findall(r"(?m)^def test_", source)))


def test_page_has_examples() -> None:
    assert len(FILES) >= 3
