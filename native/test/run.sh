#!/bin/sh
# Everything that is proven about the C++ core outside of Node (docs/verification.md): stress under thread sanitizer and under address and undefined-behaviour sanitizers,
# recorded histories through the linearizability checker, every schedule of the scenarios up to three preemptions, seeded mistakes, fuzzing. The last line counts the checks.
#
# SEED=n repeats a run; MILLISECONDS=n sets how long each shape is stressed, EXPLORE_SECONDS=n how long each scenario is explored, FUZZ_SECONDS=n how long each target is
# fuzzed. OUT=folder keeps what was built and logged there. With clang++ the fuzz targets run under libFuzzer, without it in a driver of their own.
set -u
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
out=${OUT:-$(mktemp -d)}
mkdir -p "$out"
seed=${SEED:-$(date +%s)}
milliseconds=${MILLISECONDS:-1500}
fuzz_seconds=${FUZZ_SECONDS:-10}
EXPLORE_SECONDS=${EXPLORE_SECONDS:-2}
SEED=$seed
export EXPLORE_SECONDS SEED
flags="-std=c++17 -g -fno-exceptions -Wall -Wextra -I$root/layout/generated -I$root/native/include"
address="-fsanitize=address,undefined -fno-sanitize-recover=undefined"
cxx=${CXX:-g++}

# name, seconds it may take, command...: its lines `pass` and `FAIL` count; a sanitizer that objects, a crash or a hang is a failure of its own.
run() {
  name=$1 limit=$2
  shift 2
  timeout "$limit" "$@" >"$out/$name.log" 2>&1
  status=$?
  {
    echo "== $name, seed $seed"
    cat "$out/$name.log"
    if [ "$status" -ne 0 ] && ! grep -q '^FAIL ' "$out/$name.log"; then echo "FAIL $name ended with status $status"; fi
  } >>"$out/$lane.lane"
}
build() { # name, flags and sources...
  name=$1
  shift
  # shellcheck disable=SC2086
  "$@" -o "$out/$name" -pthread >"$out/$name.build" 2>&1 && return 0
  { cat "$out/$name.build"; echo "FAIL $name does not compile"; } >>"$out/$lane.lane"
  return 1
}

stress() { # sanitizer, its flags
  for test in routing_table_stress parking_stress table_history_stress spin_policy_test frame_ring_stress; do
    build "$test.$1" $cxx $flags -O1 $2 "$here/$test.cc" && run "$test.$1" 60 "$out/$test.$1" "$seed" "$milliseconds"
  done
}

fuzz() { # target
  if command -v "${CLANGXX:-clang++}" >/dev/null && build "fuzz.$1" "${CLANGXX:-clang++}" $flags -O1 $address -fsanitize=fuzzer "$here/fuzz/$1_target.cc"; then
    mkdir -p "$out/corpus.$1"
    run "fuzz.$1" $((fuzz_seconds + 60)) "$out/fuzz.$1" -seed="$seed" -max_total_time="$fuzz_seconds" -max_len=512 -timeout=10 -verbosity=0 -print_final_stats=1 \
      -artifact_prefix="$out/" "$out/corpus.$1" "$here/corpus/$1"
  else
    build "fuzz.$1" $cxx $flags -O1 $address "$here/fuzz/$1_target.cc" "$here/fuzz/plain_driver.cc" &&
      run "fuzz.$1" $((fuzz_seconds + 60)) "$out/fuzz.$1" "$seed" "$fuzz_seconds" "$out/fuzz.$1.input" "$here/corpus/$1"/*
  fi
  # Nothing to see is what a fuzz target that passes prints.
  grep -q "^FAIL fuzz.$1 " "$out/$lane.lane" || echo "pass no input of the $1 target crashes or hangs" >>"$out/$lane.lane"
}

first_lane() {
  stress thread "-fsanitize=thread"
  stress address "$address"
  build linearizability_test $cxx $flags -O1 $address "$here/linearizability_test.cc" && run linearizability_test 60 "$out/linearizability_test" "$seed"
  fuzz table
  fuzz ring
  run mistakes 600 node "$here/mistakes.mjs"
}
second_lane() {
  build explore $cxx $flags -O2 "$here"/explore.cc "$here"/explorer/*.cc "$here"/scenarios/*.cc && run explore 36000 "$out/explore"
}

# Two at a time, for two cores.
lane=first
: >"$out/first.lane"
: >"$out/second.lane"
(lane=second; second_lane) &
first_lane
wait

cat "$out/first.lane" "$out/second.lane"
passed=$(cat "$out"/*.lane | grep -c '^pass ')
failed=$(cat "$out"/*.lane | grep -c '^FAIL ')
[ -n "${OUT:-}" ] || rm -rf "$out"
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
