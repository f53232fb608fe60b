#!/usr/bin/env bash
# ruff, mypy --strict, stubtest, clang-format; with --fix the sources are put in order first.
set -euo pipefail
bin=.venv/bin
mapfile -t c_files < <(find csrc include tests/c tests/fuzz docs benchmarks -name '*.[ch]' | sort)

if [ "${1:-}" = --fix ]; then
    # Twice: what moves a comment once may move it again.
    $bin/clang-format -i "${c_files[@]}"
    $bin/clang-format -i "${c_files[@]}"
    $bin/ruff check --fix .
fi
failed=()
check() {
    local name=$1
    shift
    echo "-- $name"
    "$@" || failed+=("$name")
}
check "ruff" $bin/ruff check .
check "mypy" $bin/mypy --strict
check "mypy docs/examples" $bin/mypy --strict docs/examples
check "stubtest" $bin/python -m mypy.stubtest --mypy-config-file pyproject.toml \
    --ignore-missing-stub --ignore-disjoint-bases --ignore-unused-allowlist --allowlist .ci/stubtest-allowlist.txt aerospike_np
check "clang-format" $bin/clang-format --dry-run --Werror "${c_files[@]}"
if [ ${#failed[@]} -gt 0 ]; then
    printf 'lint: failed: %s\n' "${failed[*]}"
    exit 1
fi
echo "lint: passed"
