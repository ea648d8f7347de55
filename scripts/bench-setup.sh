#!/usr/bin/env bash
# Makes the Python environment that the benchmarks compare with, in ${XDG_CACHE_HOME:-~/.cache}/fixmatch/python. Does nothing when
# it is there and the requirements have not changed.
set -euo pipefail

SCRIPTS=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
readonly SCRIPTS REQUIREMENTS=$SCRIPTS/bench-requirements.txt ENVIRONMENT=${XDG_CACHE_HOME:-$HOME/.cache}/fixmatch/python
readonly SPACE_MB=8000

die() {
    printf 'bench-setup: %s\n' "$*" >&2
    exit 1
}

main() {
    local log quiet=(--quiet --progress-bar off)
    ! cmp -s "$REQUIREMENTS" "$ENVIRONMENT/installed.txt" || return 0
    python3 -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 14))' 2>/dev/null ||
        die "Python 3.11 to 3.13 is needed to compare with PyTorch: install one as python3"
    mkdir -p "$ENVIRONMENT"
    need_space
    log=$ENVIRONMENT/log
    python3 -m venv --clear "$ENVIRONMENT" >/dev/null 2>&1 ||
        die "python3 cannot make virtual environments: on Debian or Ubuntu \`apt install python3-venv\`"
    echo "installing PyTorch and what it needs (2.7 GB) into $ENVIRONMENT"
    [ ! -t 1 ] || quiet=()
    "$ENVIRONMENT/bin/python" -m pip install "${quiet[@]}" --no-cache-dir --no-deps --only-binary=:all: \
        --requirement "$REQUIREMENTS" 2>"$log" ||
        die "could not install PyTorch, is the network (or the proxy) up? pip says: $(grep . "$log" | tail -n 1)"
    cp "$REQUIREMENTS" "$ENVIRONMENT/installed.txt"
}

need_space() {
    local free
    free=$(df -Pm "$ENVIRONMENT" | awk 'NR == 2 { print $4 }')
    [ "$free" -ge $SPACE_MB ] || die "$ENVIRONMENT has $free MB free, and $SPACE_MB MB are needed: make room, or set XDG_CACHE_HOME to another disk"
}

main
