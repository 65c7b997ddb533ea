#!/bin/sh
# Builds the plain C++ tests under thread sanitizer and under address and undefined-behaviour sanitizer, and runs them. The last line counts the checks.
# SEED=n repeats a run; MILLISECONDS=n sets how long each shape is stressed.
set -u
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
out=${OUT:-$(mktemp -d)}
seed=${SEED:-$(date +%s)}
milliseconds=${MILLISECONDS:-1500}
passed=0
failed=0
run() {
  name=$1 flags=$2
  for test in routing_table_stress parking_stress spin_policy_test; do
    if ! ${CXX:-g++} -std=c++17 -O1 -g -fno-exceptions -Wall -Wextra $flags -I"$root/layout/generated" -I"$root/native/include" "$here/$test.cc" -o "$out/$test.$name" -pthread; then
      echo "FAIL $test does not compile"
      failed=$((failed + 1))
      continue
    fi
    timeout 60 "$out/$test.$name" "$seed" "$milliseconds" >"$out/$test.$name.log" 2>&1
    status=$?
    echo "== $test, $name, seed $seed"
    cat "$out/$test.$name.log"
    passed=$((passed + $(grep -c '^pass ' "$out/$test.$name.log")))
    failures=$(grep -c '^FAIL ' "$out/$test.$name.log")
    # A sanitizer that objects, a crash or a hang is a failure of its own.
    if [ "$status" -ne 0 ] && [ "$failures" -eq 0 ]; then
      echo "FAIL $test ended with status $status"
      failures=1
    fi
    failed=$((failed + failures))
  done
}
run thread "-fsanitize=thread"
run address "-fsanitize=address,undefined -fno-sanitize-recover=undefined"
[ -n "${OUT:-}" ] || rm -rf "$out"
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
