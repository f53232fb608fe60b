#!/usr/bin/env bash
# The Python tests on Debian's own Python, NumPy and pytest: nothing from PyPI is imported. Only the build
# takes NumPy 2's headers from a virtual environment, as every build does.
set -euo pipefail
python=/usr/bin/python3
stamp=build/debian/venv/.build
if [ .ci/requirements-build.txt -nt $stamp ]; then
    .ci/setup.sh venv .ci/requirements-build.txt $stamp $python
fi
build/debian/venv/bin/python setup.py -q build --build-base build/debian --build-lib build/debian/lib

# A folder from which `tests` can be imported, as this pytest needs it for the tests' own helpers.
mkdir -p build/debian/path
ln -sfn "$PWD/tests" build/debian/path/tests
# PYTHONSAFEPATH keeps the tree, with modules built for another Python, off the path; subprocesses inherit it.
export PYTHONPATH=$PWD/build/debian/lib:$PWD/build/debian/path PYTHONSAFEPATH=1 PYTHONNOUSERSITE=1 PYTHONDONTWRITEBYTECODE=1
unset VIRTUAL_ENV
$python - <<'CHECK'
import sys, numpy, pytest, aerospike_np
for module in (numpy, pytest):
    if not module.__file__.startswith("/usr/lib/python3/dist-packages/"):
        sys.exit(f"test-debian: {module.__name__} is not Debian's: {module.__file__}")
if "/build/debian/lib/" not in aerospike_np.__file__:
    sys.exit(f"test-debian: aerospike_np is not the one just built: {aerospike_np.__file__}")
print(f"Python {sys.version.split()[0]}, NumPy {numpy.__version__}, pytest {pytest.__version__}, all Debian's")
CHECK
export AEROSPIKE_NP_SOAK_RUNS=${AEROSPIKE_NP_SOAK_RUNS:-5}
timeout --kill-after=10 900 $python -m pytest -n "${JOBS:-$(nproc)}" -p no:cacheprovider --ignore=tests/peers tests
