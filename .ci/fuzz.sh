#!/usr/bin/env bash
# Fuzzes each target of tests/fuzz (or the one that is named) with libFuzzer for so many seconds, from the inputs
# that are kept there; --keep then keeps the fewest inputs that reach as much code. An input that fails is left in
# build/fuzz.
set -euo pipefail
seconds=60 keep= only=
for word in "$@"; do
    case $word in
    --keep) keep=1 ;;
    [0-9]*) seconds=$word ;;
    *) only=$word ;;
    esac
done
out=build/fuzz
mkdir -p $out/objects
flags="-std=c17 -D_GNU_SOURCE -Icsrc -Iinclude -I/usr/include/lua5.4 -O1 -g -fno-sanitize-recover=undefined"
for source in csrc/{base,wire,table,data,net,cluster,command,node,lua}/*.c; do
    object=$out/objects/$(tr / _ <<<"${source%.c}").o
    [ "$source" = csrc/node/udf_none.c ] && continue
    [ "$object" -nt "$source" ] && [ -z "$(find csrc -name '*.h' -newer "$object" -print -quit)" ] && continue
    ${CLANG:-clang-14} $flags -fsanitize=fuzzer-no-link,address,undefined -c "$source" -o "$object"
done
for hex in tests/fuzz/${only:-*}.hex; do
    name=$(basename "$hex" .hex)
    ${CLANG:-clang-14} $flags -fsanitize=fuzzer,address,undefined "tests/fuzz/$name.c" $out/objects/*.o \
        -o "$out/$name" -llua5.4 -lcrypto -lpthread -lm
    mkdir -p "$out/$name.inputs"
    python3 - "$hex" "$out/$name.inputs" <<'END'
import pathlib, sys
for number, line in enumerate(open(sys.argv[1])):
    pathlib.Path(sys.argv[2], f"kept{number}").write_bytes(bytes.fromhex(line))
END
    echo "-- $name, $seconds s"
    "$out/$name" -max_total_time="$seconds" -max_len=700 -timeout=10 -artifact_prefix="$out/$name-" \
        "$out/$name.inputs" >"$out/$name.log" 2>&1 || { tail -40 "$out/$name.log"; exit 1; }
    grep DONE "$out/$name.log"
    [ -n "$keep" ] || continue
    rm -rf "$out/$name.fewest" && mkdir "$out/$name.fewest"
    "$out/$name" -merge=1 -use_counters=0 -max_len=300 "$out/$name.fewest" "$out/$name.inputs" 2>>"$out/$name.log"
    python3 - "$hex" "$out/$name.fewest" <<'END'
import pathlib, sys
inputs = {path.read_bytes().hex() for path in pathlib.Path(sys.argv[2]).iterdir()}
pathlib.Path(sys.argv[1]).write_text("".join(f"{line}\n" for line in sorted(inputs - {""})))
END
done
