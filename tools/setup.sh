#!/bin/sh
# Makes .venv (setup.sh python) and node_modules (setup.sh node) what the locks say they are.
# Does nothing when they are that already; .setup-*.log have what pip and npm said last.
set -eu
cd "$(dirname "$0")/.."

say() { printf 'set-up: %s\n' "$1"; }

fail() {
  printf 'set-up: %s\n' "$1" >&2
  exit 1
}

# Runs a step out of sight; only a failure shows what it said.
quietly() {
  "$@" >"$log" 2>&1 && return
  tail -n 20 "$log" >&2
  fail "this failed, see $log: $*"
}

# What an installation depends on: its lock, and where it stands, as .venv knows its own path.
fingerprint() {
  pwd
  cat "$@"
}

is_current() { # is_current STAMP FILE...
  stamp=$1
  shift
  [ -f "$stamp" ] && fingerprint "$@" | cmp -s - "$stamp"
}

# Sets `python`. A name on PATH proves nothing (version managers leave names that do not run),
# so each candidate is run.
find_python() {
  without_venv=
  for python in python3.12 python3.11 python3 python; do
    "$python" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 13))' 2>/dev/null ||
      continue
    "$python" -c 'import ensurepip, venv' 2>/dev/null && return
    without_venv=${without_venv:-$python}
  done
  [ -z "$without_venv" ] ||
    fail "$without_venv has no venv and ensurepip; on Debian or Ubuntu install $(venv_package)"
  fail "needs Python 3.11 or 3.12, as python3.12, python3.11, python3 or python on PATH"
}

venv_package() {
  "$without_venv" -c 'import sys; print("python%d.%d-venv" % sys.version_info[:2])'
}

set_up_python() {
  stamp=.venv/.set-up
  is_current "$stamp" requirements.txt && return
  find_python
  say "installing $(grep -c == requirements.txt) Python packages into .venv with $python (a minute or two)"
  quietly "$python" -m venv --clear .venv
  # --no-deps: the lock is complete, and it overrides one cap that pip would insist on.
  quietly .venv/bin/python -m pip install --disable-pip-version-check --no-input \
    --no-deps --require-hashes -r requirements.txt
  # The checkout itself becomes importable by one line on the import path: nothing to build.
  pwd >"$(.venv/bin/python -c 'import sysconfig; print(sysconfig.get_path("purelib"))')/clearway.pth"
  fingerprint requirements.txt >"$stamp"
}

set_up_node() {
  node -e 'process.exit(parseInt(process.versions.node) < 20 ? 1 : 0)' 2>/dev/null ||
    fail "needs Node.js 20 or newer, as node on PATH"
  stamp=node_modules/.set-up
  if ! is_current "$stamp" package.json package-lock.json; then
    npm --version >/dev/null 2>&1 || fail "needs npm, which comes with Node.js, on PATH"
    say "installing solc, anvil and the OP Stack contracts into node_modules"
    quietly npm ci
    fingerprint package.json package-lock.json >"$stamp"
  fi
  check_anvil
}

check_anvil() {
  PATH=node_modules/.bin:$PATH
  case $(anvil --version 2>/dev/null | head -n 1) in
    *" 1.7."*) ;;
    *) fail "no anvil 1.7: it is pinned for Linux on x86-64 only; elsewhere put an anvil 1.7.x on PATH" ;;
  esac
}

for part in "$@"; do
  log=.setup-$part.log
  case $part in
    python | node) "set_up_$part" ;;
    *) fail "knows python and node, not '$part'" ;;
  esac
done
