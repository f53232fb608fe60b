"""Where AEROSPIKE_HOST is set, tests run against that cluster; what it can't be asked for is skipped by name."""

from __future__ import annotations

import pytest

from aerospike_np.pytest_plugin import outside_cluster


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line(
        "markers",
        "needs_embedded(what): the test makes nodes of its own; skipped where AEROSPIKE_HOST is set.",
    )


def pytest_runtest_setup(item: pytest.Item) -> None:
    mark = item.get_closest_marker("needs_embedded")
    if mark is not None and outside_cluster() is not None:
        pytest.skip(f"needs {mark.args[0]}: unset AEROSPIKE_HOST")
