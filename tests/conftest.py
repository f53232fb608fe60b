"""The package's own pytest plugin, also where the package is not installed but lies in the tree; and patience."""

from __future__ import annotations

import os

import pytest


def pytest_configure(config: pytest.Config) -> None:
    # A machine that stalls for some seconds is no fault of a test that is not about time-outs.
    os.environ.setdefault("AEROSPIKE_NP_PATIENCE", "30")
    plugins = config.pluginmanager
    if not (plugins.has_plugin("aerospike_np") or plugins.is_blocked("aerospike_np")):
        from aerospike_np import pytest_plugin

        plugins.register(pytest_plugin, "aerospike_np")
