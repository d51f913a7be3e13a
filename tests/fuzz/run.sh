#!/bin/sh
# SPDX-License-Identifier: MIT
# Fuzz the parsers, the normaliser, and the planner with its tables (libFuzzer, ASan, UBSan).
# Usage: tests/fuzz/run.sh SECONDS [TARGET…]   all targets share the time
#        tests/fuzz/run.sh --replay [TARGET…]  run the kept inputs once
# An input that breaks a promise is kept in tests/fuzz/regressions/TARGET/ and replayed ever after.
set -eu

cd "$(dirname "$0")/../.."
out=build/fuzz
mode=${1:?usage: tests/fuzz/run.sh SECONDS|--replay [TARGET…]}
shift

targets() {
    for f in tests/fuzz/fuzz_*.c; do
        basename "$f" .c | sed 's/^fuzz_//'
    done
}

# The last number behind these words in a log.
figure() {
    sed -n "s/.*$1 *\([0-9][0-9]*\).*/\1/p" "$2" | tail -n 1
}

# Every kept input, once.
replay() {
    name=$1
    set --
    for f in "tests/fuzz/seeds/$name"/* "tests/fuzz/regressions/$name"/*; do
        [ ! -f "$f" ] || set -- "$@" "$f"
    done
    [ $# -gt 0 ] || { echo "$name: no inputs" >&2 && return 1; }
    "$out/bin/$name" -timeout=10 -artifact_prefix="$out/" "$@" >"$out/$name.log" 2>&1 || return 1
    echo "$name: $# inputs hold"
}

# For so many seconds; what earlier runs found worth keeping is where it starts.
fuzz() {
    name=$1
    kept=tests/fuzz/regressions/$name
    mkdir -p "$kept" "$out/corpus/$name" "tests/fuzz/seeds/$name"
    "$out/bin/$name" -max_total_time="$2" -timeout=10 -rss_limit_mb=2048 -max_len=8192 \
        -print_final_stats=1 -artifact_prefix="$kept/" "$out/corpus/$name" \
        "tests/fuzz/seeds/$name" "$kept" >"$out/$name.log" 2>&1 || return 1
    echo "$name: $(figure number_of_executed_units: "$out/$name.log") executions," \
        "$(figure average_exec_per_sec: "$out/$name.log") a second;" \
        "edges $(figure ' cov:' "$out/$name.log") of $(figure ' modules *(' "$out/$name.log")," \
        "features $(figure ' ft:' "$out/$name.log")"
}

[ $# -gt 0 ] || eval "set -- $(targets | tr '\n' ' ')"
for name; do
    targets | grep -qx "$name" || { echo "run.sh: no such target: $name" >&2 && exit 2; }
done
make -s -j2 -f tests/fuzz/fuzz.mk all

status=0
for name; do
    if [ "$mode" = --replay ]; then
        replay "$name" && continue
    else
        fuzz "$name" $(((mode + $# - 1) / $#)) && continue
    fi
    status=1
    echo "$name: a promise is broken; the log is $out/$name.log" >&2
    grep -e 'does not hold' -e 'error: ' -e 'ERROR: ' -e '^Running: ' -e 'unit written' \
        "$out/$name.log" | tail -n 5 >&2 || true
done
exit $status
