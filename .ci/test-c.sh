#!/usr/bin/env bash
# Runs cmocka programs, one after the other; fails if any did, but only after all have run.
set -uo pipefail
failed=()
for program in "$@"; do
    echo "-- $program"
    timeout --kill-after=5 300 "$program" || failed+=("$program (exit $?)")
done
if [ ${#failed[@]} -gt 0 ]; then
    printf 'test-c: failed: %s\n' "${failed[@]}"
    exit 1
fi
echo "test-c: $# programs passed"
