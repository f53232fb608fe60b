#!/usr/bin/env bash
# Runs Python with the extension modules under AddressSanitizer and UndefinedBehaviorSanitizer. Leaks are looked
# for in the C tests only: the interpreter itself never frees everything.
set -euo pipefail
ANP_SANITIZE=1 .venv/bin/python setup.py -q build --build-base build/asan/python --build-lib build/asan/python/lib
export PYTHONPATH=$PWD/build/asan/python/lib PYTHONSAFEPATH=1 PYTHONMALLOC=malloc
export ASAN_OPTIONS=detect_leaks=0 UBSAN_OPTIONS=print_stacktrace=1
# libstdc++ too: the sanitizer looks for its symbols only once, at the start.
LD_PRELOAD="$(gcc -print-file-name=libasan.so) $(gcc -print-file-name=libstdc++.so)" exec .venv/bin/python "$@"
