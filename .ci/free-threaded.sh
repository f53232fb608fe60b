#!/usr/bin/env bash
# Python without a GIL: builds the interpreter once, then the package, and runs the Python tests there.
#   free-threaded.sh interpreter   builds it, if it is not there: Debian trixie's source of Python 3.13, some minutes
#   free-threaded.sh have          says where it is, or fails
#   free-threaded.sh package       builds the package, into build/free-threaded/lib
#   free-threaded.sh tests         the tests
# It is kept in ${XDG_CACHE_HOME:-~/.cache}/aerospike_np, outside the clone: `make clean` leaves it.
set -euo pipefail
cd "$(dirname "$0")/.."
kept=${XDG_CACHE_HOME:-$HOME/.cache}/aerospike_np
home=$kept/python3.13t
python=$home/bin/python3.13t
build=build/free-threaded
venv=$build/venv

fail() {
    echo "free-threaded: $*" >&2
    exit 1
}

# The mirror that this machine takes Debian from, whichever that is.
mirror() {
    apt-get indextargets --format '$(LABEL) $(REPO_URI)' 'Created-By: Packages' | sed -n 's/^Debian //p' | head -n 1
}

# apt's own folders stay as they are: a configuration beside them knows of trixie's sources.
fetch() {
    local apt=$1/apt
    mkdir -p "$apt"/etc/{sources.list.d,apt.conf.d,preferences.d} "$apt"/state/lists/partial "$apt"/cache/archives/partial
    : >"$apt/state/status"
    cat >"$apt/etc/sources.list.d/trixie.sources" <<SOURCES
Types: deb-src
URIs: $2
Suites: trixie
Components: main
Signed-By: /usr/share/keyrings/debian-archive-keyring.gpg
SOURCES
    cat >"$apt/apt.conf" <<CONF
Dir::Etc "$apt/etc";
Dir::State "$apt/state";
Dir::State::status "$apt/state/status";
Dir::Cache "$apt/cache";
CONF
    cd "$1" && APT_CONFIG=$apt/apt.conf apt-get update -qq &&
        APT_CONFIG=$apt/apt.conf apt-get source -qq --download-only python3.13
}

interpreter() {
    [ -x "$python" ] && return
    .ci/setup.sh system free-threaded
    local uri
    uri=$(mirror)
    [ -n "$uri" ] || fail "apt knows of no Debian mirror; run apt-get update"
    mkdir -p "$kept"
    work=$(mktemp -d "$kept/building.XXXXXX")
    trap 'rm -rf "$work"' EXIT
    echo "free-threaded: building Python in $work; its output is in $kept/build.log" >&2
    (fetch "$work" "$uri") >"$kept/build.log" 2>&1 ||
        fail "the source is not to be had; see $kept/build.log"
    mkdir "$work/source"
    tar -xf "$work"/python3.13_*.orig.tar.xz -C "$work/source" --strip-components=1
    (
        cd "$work/source" && ./configure -q --prefix="$home" --disable-gil --disable-test-modules &&
            make -s -j"${JOBS:-$(nproc)}" && make -s install DESTDIR="$work/root"
    ) >>"$kept/build.log" 2>&1 || fail "Python could not be built; see $kept/build.log"
    rm -rf "$home"
    mv "$work/root$home" "$home" # whole, or not there
}

have() {
    [ -x "$python" ] && echo "$python"
}

package() {
    have >/dev/null || fail "there is no interpreter in $home; run make test-free-threaded"
    local requirements=tests/requirements-free-threaded.txt
    if [ $requirements -nt $venv/.tests ] || [ .ci/requirements-build.txt -nt $venv/.tests ]; then
        .ci/setup.sh venv $requirements $venv/.tests "$python"
    fi
    ANP_WERROR=1 "$venv/bin/python" setup.py -q build --build-base $build --build-lib $build/lib
}

tests() {
    package
    # As on Debian's Python: only what was just built is imported, here and in subprocesses.
    mkdir -p $build/path
    ln -sfn "$PWD/tests" $build/path/tests
    export PYTHONPATH=$PWD/$build/lib:$PWD/$build/path PYTHONSAFEPATH=1 PYTHONNOUSERSITE=1 PYTHONDONTWRITEBYTECODE=1
    # A module that would switch the GIL on says so with a RuntimeWarning.
    export PYTHONWARNINGS=error::RuntimeWarning AEROSPIKE_NP_SOAK_RUNS=${AEROSPIKE_NP_SOAK_RUNS:-5}
    unset VIRTUAL_ENV PYTHON_GIL
    "$venv/bin/python" - <<'CHECK'
import sys, numpy, aerospike_np, aerospike_np._engine, aerospike_np._node
if sys._is_gil_enabled():
    sys.exit("free-threaded: the GIL is on after the import")
if "/build/free-threaded/lib/" not in aerospike_np.__file__:
    sys.exit(f"free-threaded: aerospike_np is not the one just built: {aerospike_np.__file__}")
print(f"Python {sys.version.split()[0]} without a GIL, NumPy {numpy.__version__}")
CHECK
    local pytest=("$venv/bin/python" -m pytest -p no:cacheprovider -W error::RuntimeWarning --timeout=180 --ignore=tests/peers)
    local spread=(-n "${JOBS:-$(nproc)}" --dist worksteal)
    timeout --kill-after=10 900 "${pytest[@]}" "${spread[@]}" tests
    timeout --kill-after=10 900 "${pytest[@]}" "${spread[@]}" tests/integration --driver async
    # Each test in four threads at once, where its threads don't undo each other's records, clusters or counts,
    # and which is not about other processes.
    local side_by_side=(tests/unit tests/integration/test_{object_fields,reader,records_to_numpy,stats,values}.py)
    timeout --kill-after=10 900 "${pytest[@]}" -p pytest_run_parallel.plugin --parallel-threads 4 "${side_by_side[@]}" \
        --ignore=tests/unit/test_pytest_plugin.py --ignore=tests/unit/test_outside.py \
        --deselect tests/unit/test_results.py::test_records_are_decoded_when_asked_for
}

"${1:-tests}"
