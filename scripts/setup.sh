#!/usr/bin/env bash
# Does all the set-up that building needs, and nothing when nothing is missing.
#
#   scripts/setup.sh [--cpu | --cuda]
#
# - Checks for cargo, a C++ compiler and disk space.
# - Finds libtorch: the folder in LIBTORCH if that is set; else the folder that an earlier set-up recorded; else
#   ${XDG_CACHE_HOME:-~/.cache}/fixmatch/libtorch-2.13.0, which it fetches with pip, by hash, and lays out with libtorch.py.
# - With an NVIDIA GPU, fetches the CUDA parts too, into the folder `cuda` inside libtorch's: the worker opens
#   $LIBTORCH/cuda/torch/lib/libtorch_cuda.so. --cuda does so without a GPU; --cpu never does, and is remembered.
# - Writes LIBTORCH to .cargo/config.toml (which git ignores), so that plain `cargo build` and `cargo test` work.
#
# Every failure is one sentence that says what to do. Two set-ups at once wait for each other, and one that is
# interrupted leaves nothing that looks finished.
set -euo pipefail

readonly VERSION=2.13.0
ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
readonly ROOT SCRIPTS=$ROOT/scripts CONFIG=$ROOT/.cargo/config.toml
readonly CONFIG_HEADER='# Written by scripts/setup.sh, which replaces this file when libtorch moves.'
# Disk space in MB, each a little more than measured: the wheels, what is unpacked from them, and cargo's target folder.
readonly CPU_FETCH_MB=1500 CUDA_FETCH_MB=6000 TARGET_MB=3000

die() {
    printf 'set-up: %s\n' "$*" >&2
    exit 1
}

main() {
    local device=auto ours libtorch
    case "${1:-}" in
        '') ;;
        --cpu | --cuda) device=${1#--} ;;
        *) die "unknown option $1 (there are --cpu and --cuda)" ;;
    esac
    check_toolchain
    check_target_space
    ours=$(cache_dir)/libtorch-$VERSION
    libtorch=${LIBTORCH:-$(recorded_libtorch)}
    libtorch=${libtorch:-$ours}
    if [ "$libtorch" = "$ours" ]; then
        is_there cpu "$ours" || fetch_cpu "$ours"
        if wants_cuda "$device" "$ours"; then fetch_cuda "$ours"; fi
    else
        check_given_libtorch "$libtorch"
        [ "$device" != cuda ] || die "--cuda adds to the libtorch in $ours, and LIBTORCH or .cargo/config.toml names another: unset or remove that"
    fi
    write_cargo_config "$libtorch"
}

# --- what must be there already

check_toolchain() {
    local wanted found
    command -v cargo >/dev/null || die "cargo is missing: install Rust with rustup (https://rustup.rs)"
    wanted=$(sed -n 's/^rust-version = "\(.*\)"/\1/p' "$ROOT/Cargo.toml")
    found=$(cd "$ROOT" && rustc --version 2>/dev/null | cut -d' ' -f2) || die "rustc does not start: run \`rustup toolchain install stable\`"
    at_least "$found" "$wanted" || die "rustc $found is too old, $wanted is needed: run \`rustup update\`"
    command -v "${CXX:-c++}" >/dev/null || die "no C++ compiler (${CXX:-c++}) found: install one, on Debian or Ubuntu with \`apt install g++\`"
    command -v cc >/dev/null || die "no C compiler (cc) found to link with: install one, on Debian or Ubuntu with \`apt install gcc\`"
}

# Whether version $1 is $2 or later.
at_least() {
    [ "$(printf '%s\n%s\n' "$1" "$2" | sort -V | head -n 1)" = "$2" ]
}

check_target_space() {
    local target=${CARGO_TARGET_DIR:-$ROOT/target}
    [ -e "$target/debug/fixmatch" ] || need_space "$ROOT" $TARGET_MB "to build in"
}

# Ends set-up unless folder $1 has $2 MB free, which are for $3.
need_space() {
    local free
    free=$(df -Pm "$1" | awk 'NR == 2 { print $4 }')
    [ "$free" -ge "$2" ] || die "$1 has $free MB free, and $2 MB are needed $3: make room, or use another disk"
}

check_given_libtorch() {
    local version=$VERSION
    case $1 in
        /*) ;;
        *) die "LIBTORCH=$1 is a relative path: give the absolute one" ;;
    esac
    is_libtorch "$1" || die "LIBTORCH=$1 holds no libtorch (lib/libtorch.so, lib/libtorch_cpu.so and include): correct it, or unset it to have libtorch $VERSION fetched"
    [ ! -r "$1/build-version" ] || version=$(head -n 1 "$1/build-version")
    [ "${version%%+*}" = "$VERSION" ] || die "LIBTORCH=$1 is libtorch $version, and $VERSION is needed: correct it, or unset it to have $VERSION fetched"
}

is_libtorch() {
    [ -e "$1/lib/libtorch.so" ] && [ -e "$1/lib/libtorch_cpu.so" ] && [ -d "$1/include" ]
}

# --- libtorch

cache_dir() {
    [ -n "${XDG_CACHE_HOME:-}${HOME:-}" ] || die "neither HOME nor XDG_CACHE_HOME is set: set one, it says where libtorch is kept"
    printf '%s\n' "${XDG_CACHE_HOME:-$HOME/.cache}/fixmatch"
}

# The folder in our own .cargo/config.toml, if it still holds this version.
recorded_libtorch() {
    local recorded
    config_is_ours || return 0
    recorded=$(sed -n 's/^LIBTORCH = "\(.*\)"$/\1/p' "$CONFIG")
    if is_libtorch "$recorded" && grep -qs "^$VERSION" "$recorded/build-version"; then
        printf '%s\n' "$recorded"
    fi
}

fetch_cpu() {
    fetch cpu "$1" $CPU_FETCH_MB "libtorch $VERSION (540 MB)"
}

# Whether the CUDA parts are wanted and missing in libtorch's folder $2, given --cpu, --cuda or neither in $1.
wants_cuda() {
    local cpu_only=$2/.cpu-only
    case $1 in
        cpu) : >"$cpu_only" ;;
        cuda) rm -f "$cpu_only" ;;
    esac
    [ ! -e "$cpu_only" ] && ! is_there cuda "$2/cuda" && { [ "$1" = cuda ] || sees_gpu; }
}

is_there() {
    case $1 in
        cpu) is_libtorch "$2" ;;
        cuda) [ -e "$2/torch/lib/libtorch_cuda.so" ] ;;
    esac
}

sees_gpu() {
    [ -r /proc/driver/nvidia/version ] || nvidia-smi -L >/dev/null 2>&1
}

fetch_cuda() {
    fetch cuda "$1/cuda" $CUDA_FETCH_MB "the CUDA parts of libtorch $VERSION (2.5 GB; \`--cpu\` does without)"
}

# Fetches the wheels of libtorch-$1.txt and lays them out as folder $2, with $3 MB of disk space, telling that it fetches $4.
# All of it happens in a staging folder beside the target, which is renamed at the end.
fetch() {
    local kind=$1 target=$2 space_mb=$3 what=$4 cache python said
    cache=$(cache_dir)
    check_platform
    python=$(find_python)
    mkdir -p "$cache" 2>/dev/null || die "cannot create $cache: make it writable, or set XDG_CACHE_HOME to a folder that is"
    exec 9>"$cache/lock"
    flock -n 9 || { echo "waiting for another set-up to end" && flock 9; }
    ! is_there "$kind" "$target" || return 0
    rm -rf "$cache"/staging-* "$target"
    need_space "$cache" "$space_mb" "to fetch $what"
    staging=$(mktemp -d "$cache/staging-XXXXXX") # global: the trap outlives this function
    trap 'rm -rf "$staging"' EXIT
    trap 'exit 130' INT TERM HUP
    echo "fetching $what into $target"
    download "$python" "$SCRIPTS/libtorch-$kind.txt"
    said=$("$python" "$SCRIPTS/libtorch.py" "$kind" "$staging/wheels" "$staging/out" 2>&1) ||
        die "could not unpack libtorch: ${said##*$'\n'}"
    mv -T "$staging/out" "$target"
    rm -rf "$staging"
    exec 9>&-
}

check_platform() {
    local glibc
    glibc=$(getconf GNU_LIBC_VERSION 2>/dev/null | cut -d' ' -f2) || glibc=0
    if [ "$(uname -sm)" != "Linux x86_64" ] || ! at_least "${glibc:-0}" 2.28; then
        die "libtorch can be fetched for x86-64 Linux with glibc 2.28 or later only: set LIBTORCH to a libtorch $VERSION for this machine"
    fi
}

# The first Python 3 on the PATH that has pip; a virtual environment's own often has none.
find_python() {
    local python
    for python in $(type -ap python3); do
        if "$python" -m pip --version >/dev/null 2>&1; then
            echo "$python"
            return
        fi
    done
    die "no python3 with pip is installed, and fetching libtorch needs it: on Debian or Ubuntu \`apt install python3-pip\`, or set LIBTORCH to a libtorch $VERSION"
}

# Downloads the wheels in requirements file $2 with Python $1 to the staging folder; with a bar on a terminal, else silently.
download() {
    local said quiet=(--quiet --progress-bar off)
    [ ! -t 1 ] || quiet=()
    mkdir "$staging/tmp"
    # pip's errors are kept in memory: the disk may be what is full.
    { said=$(TMPDIR=$staging/tmp "$1" -m pip download "${quiet[@]}" --no-cache-dir --no-deps --require-hashes --only-binary=:all: \
        --python-version 3.11 --implementation cp --abi cp311 \
        --platform manylinux_2_28_x86_64 --platform manylinux_2_27_x86_64 --platform manylinux_2_25_x86_64 \
        --platform manylinux_2_18_x86_64 --platform manylinux_2_17_x86_64 --platform manylinux2014_x86_64 \
        --platform manylinux2010_x86_64 \
        --dest "$staging/wheels" --requirement "$2" 2>&1 >&3); } 3>&1 ||
        die "could not fetch libtorch, is the network (or the proxy) up? pip says: ${said##*$'\n'}"
}

# --- .cargo/config.toml

config_is_ours() {
    [ -e "$CONFIG" ] && [ "$(head -n 1 "$CONFIG")" = "$CONFIG_HEADER" ]
}

write_cargo_config() {
    local line="LIBTORCH = \"$1\""
    case $1 in
        *[\"\\]*) die "the path $1 holds a quote or a backslash: use another folder" ;;
    esac
    if [ -e "$CONFIG" ] && ! config_is_ours; then
        grep -qxF "$line" "$CONFIG" || die "$CONFIG is not set-up's to change: add the line '$line' under [env] in it"
        return
    fi
    if ! grep -qsxF "$line" "$CONFIG"; then
        mkdir -p "$ROOT/.cargo"
        printf '%s\n[env]\n%s\n' "$CONFIG_HEADER" "$line" >"$CONFIG.$$"
        mv "$CONFIG.$$" "$CONFIG"
    fi
}

main "$@"
