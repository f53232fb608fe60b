"""The package's own pytest plugin, also where the package is not installed but lies in the tree."""

from __future__ import annotations

import pytest


def pytest_configure(config: pytest.Config) -> None:
    plugins = config.pluginmanager
    if not (plugins.has_plugin("aerospike_np") or plugins.is_blocked("aerospike_np")):
        from aerospike_np import pytest_plugin

        plugins.register(pytest_plugin, "aerospike_np")
