#!/usr/bin/env bash
#
# Builds the native core and its tests with AddressSanitizer and UndefinedBehaviorSanitizer, then with ThreadSanitizer, in
# build/asan and build/tsan, and runs them: the ring under load, and mixed traffic over a SoftHSM token with lanes in threads
# and in hsm_host. Any report fails the run. ThreadSanitizer sees one process at a time: what crosses between processes is
# tested with lanes and owner as threads of one. With AddressSanitizer the addon is also tested inside Node.js, as far as no
# module is loaded there (which is done with RTLD_DEEPBIND, and the sanitizer does not bear that). Names of sanitizers
# (asan, tsan) as arguments run those alone.
set -euo pipefail
source "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")/setup.sh"

SUPPRESSIONS=$ROOT/scripts/sanitizers
export ASAN_OPTIONS=detect_leaks=1:detect_stack_use_after_return=1:strict_string_checks=1
export LSAN_OPTIONS=suppressions=$SUPPRESSIONS/leak.supp:print_suppressions=0
export UBSAN_OPTIONS=print_stacktrace=1
export TSAN_OPTIONS=suppressions=$SUPPRESSIONS/thread.supp:second_deadlock_stack=1

# gyp builds into the directory build beside binding.gyp: each sanitizer has one of its own, with links to the sources.
build_sanitized() {
  local directory=$1 sanitize=$2 entry
  mkdir -p "$directory"
  for entry in binding.gyp native test node_modules; do ln -sfn "$ROOT/$entry" "$directory/$entry"; done
  (
    cd "$directory" &&
      CC=clang CXX=clang++ node_gyp configure -- -Dbuild_tests=1 "-Dsanitize=$sanitize" &&
      node_gyp build -- native_tests hsm_host fault_module
  )
}

# ThreadSanitizer needs its own places in memory, which kernels that randomise more than it expects may give away.
fixed_addresses=()
if setarch --addr-no-randomize true 2>/dev/null; then fixed_addresses=(setarch --addr-no-randomize); fi

# Hosts that a test kills have no exit code to tell of a report: the output is searched for one as well.
run_sanitized() {
  local directory=$1 log status=0
  log=$(mktemp)
  "${fixed_addresses[@]}" "$directory/build/Release/native_tests" 2>&1 | tee "$log" || status=$?
  if grep -qE 'Sanitizer|runtime error:' "$log"; then status=1; fi
  rm -f "$log"
  return "$status"
}

# What is loaded finds the addon beside itself, so there is a copy of it beside the one that was built here. At its end
# Node.js leaves memory to the system: leaks are not looked for.
run_sanitized_addon() {
  local directory=$1/addon entry runtime
  rm -rf "$directory"
  mkdir "$directory"
  cp -r "$ROOT/src" "$ROOT/test" "$directory"
  for entry in bench node_modules package.json; do ln -s "$ROOT/$entry" "$directory/$entry"; done
  ln -s ../build "$directory/build"
  (cd "$1" && quietly node_gyp build -- strongroom)
  runtime=$(clang -print-file-name="libclang_rt.asan-$(uname -m).so")
  (
    cd "$directory" &&
      ASAN_OPTIONS=detect_leaks=0:allow_user_segv_handler=1 LD_PRELOAD=$runtime "$NODE" \
        node_modules/ava/entrypoints/cli.mjs test/pool/signature_check.test.ts test/style/native_border.test.ts
  )
}

test_with() {
  local name=$1 sanitize=$2 directory=$ROOT/build/$1
  say "$name: building …"
  quietly build_sanitized "$directory" "$sanitize"
  say "$name: testing …"
  run_sanitized "$directory" || die "$name: the tests failed, or the sanitizer had something to report."
}

find_node || die 'nothing is installed yet: run ./scripts/start first.'
chosen=("$@")
if ((${#chosen[@]} == 0)); then chosen=(asan tsan); fi
for name in "${chosen[@]}"; do
  case $name in
    asan)
      test_with asan address
      say 'asan: testing the addon …'
      run_sanitized_addon "$ROOT/build/asan" || die 'asan: the tests of the addon failed, or the sanitizer had something to report.'
      ;;
    tsan) test_with tsan thread ;;
    *) die "expected asan or tsan, received $name." ;;
  esac
done
say "no report from ${chosen[*]}."
