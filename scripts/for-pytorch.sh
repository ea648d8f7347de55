#!/usr/bin/env bash
# Builds both programs for a machine that has PyTorch with CUDA, but neither Rust nor a network.
#
#   scripts/for-pytorch.sh VERSION [FILE]
#
# VERSION is that of PyTorch there: `python3 -c 'import torch; print(torch.__version__)'`, without what follows a +.
# FILE (fixmatch-pytorch-VERSION.tar.gz) holds the programs and `link.sh`, which shows them that PyTorch's libtorch:
#
#   tar xzf fixmatch-pytorch-2.11.0.tar.gz && fixmatch/link.sh python3 && fixmatch/fixmatch doctor
#
# torch-sys is written for one version of libtorch. What another one lacks of it is found by compiling, told, and replaced by
# functions that throw when they are called. fixmatch calls none of those that 2.11.0 lacks. The compiler has to be gcc's.
set -euo pipefail

die() {
    printf 'for-pytorch: %s\n' "$*" >&2
    exit 1
}

[[ ${1:-} =~ ^[0-9]+\.[0-9]+\.[0-9]+$ ]] || die "name the version of PyTorch, such as 2.11.0: scripts/for-pytorch.sh VERSION [FILE]"
ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
FILE=$(realpath "${2:-fixmatch-pytorch-$1.tar.gz}") || die "the folder of $2 is not there"
readonly ROOT FILE VERSION=$1 PYTHON=${PYTHON:-python3}
readonly BUILD=$ROOT/target/pytorch-$VERSION
readonly LAID_OUT=$BUILD/libtorch ABSENT=$BUILD/absent.h
export CARGO_TARGET_DIR=$BUILD

fetch() {
    [ ! -e "$LAID_OUT/build-version" ] || return 0
    mkdir -p "$BUILD/wheels"
    "$PYTHON" -m pip download --quiet --no-deps --only-binary=:all: --dest "$BUILD/wheels" "torch==$VERSION" ||
        die "pip finds no torch $VERSION for $("$PYTHON" --version): try another PYTHON"
    "$PYTHON" "$ROOT/scripts/libtorch.py" cpu "$BUILD/wheels" "$LAID_OUT"
    echo "$VERSION" >"$LAID_OUT/build-version"
}

# What torch-sys names and this libtorch does not have, or has with fewer arguments.
missing() {
    local find='print(*(it["manifest_path"] for it in json.load(sys.stdin)["packages"] if it["name"] == "torch-sys"))' source
    source=$(cargo metadata --manifest-path "$ROOT/Cargo.toml" --format-version 1 --locked |
        "$PYTHON" -c "import json, sys; $find")
    {
        LC_ALL=C "${CXX:-c++}" -std=c++17 -fsyntax-only -w -fmax-errors=0 -I"$LAID_OUT/include" \
            -I"$LAID_OUT/include/torch/csrc/api/include" "$(dirname "$source")/libtch/torch_api_generated.cpp" 2>&1 || true
    } |
        sed -n -e "s/.*error: '\([a-z0-9_]*\)' is not a member of 'torch'.*/\1/p" \
            -e "s/.*error: too \(many\|few\) arguments to function '.* at::\([a-z0-9_]*\)(.*/\2/p" | sort -u
}

write_absent() {
    local names
    names=$(missing)
    {
        echo '#pragma once'
        echo '#include <torch/torch.h>'
        echo 'namespace torch {'
        echo 'struct Absent : std::tuple<Tensor, Tensor, Tensor, Tensor, Tensor, Tensor, Tensor, Tensor> {'
        echo '  operator Tensor() const { return {}; }'
        echo '};'
        for name in $names; do
            echo "template <class... T> Absent $name(T &&...) { throw std::runtime_error(\"this libtorch has no $name\"); }"
        done
        echo '}'
    } >"$ABSENT.new"
    # only what is new has anything compiled again
    cmp -s "$ABSENT.new" "$ABSENT" || mv "$ABSENT.new" "$ABSENT"
    echo "of torch-sys, PyTorch $VERSION lacks: ${names:-nothing}" | tr '\n' ' '
    echo
}

pack() {
    local folder
    folder=$(mktemp -d)
    mkdir "$folder/fixmatch"
    strip -o "$folder/fixmatch/fixmatch" "$BUILD/debug/fixmatch"
    strip -o "$folder/fixmatch/fixmatch-worker" "$BUILD/debug/fixmatch-worker"
    cat >"$folder/fixmatch/link.sh" <<'LINK'
#!/bin/sh
# Shows the programs beside this file the libtorch of a Python's PyTorch: link.sh [PYTHON]
set -eu
here=$(cd "$(dirname "$0")" && pwd)
python=${1:-python3}
packages=$("$python" -c 'import os, torch; print(os.path.dirname(os.path.dirname(torch.__file__)))')
found=$("$python" -c 'import torch; print(torch.__version__.split("+")[0])')
if [ "$found" != VERSION ]; then
    echo "$python has PyTorch $found, and these programs are built for VERSION" >&2
    exit 1
fi
mkdir -p "$here/libtorch"
ln -sfn "$packages/torch/lib" "$here/libtorch/lib"
ln -sfn "$packages" "$here/libtorch/cuda"
version=$("$here/fixmatch-worker" libtorch)
echo "libtorch $version of $packages"
LINK
    sed -i "s/VERSION/$VERSION/g" "$folder/fixmatch/link.sh"
    chmod +x "$folder/fixmatch/link.sh"
    tar czf "$FILE" -C "$folder" fixmatch
    rm -r "$folder"
    echo "$FILE: $(du -m "$FILE" | cut -f 1) MB"
}

mkdir -p "$BUILD"
fetch
write_absent
# shellcheck disable=SC2016
LIBTORCH=$LAID_OUT LIBTORCH_BYPASS_VERSION_CHECK=1 FIXMATCH_LIBTORCH_AT='$ORIGIN/libtorch' CXXFLAGS="-include $ABSENT" \
    cargo build --manifest-path "$ROOT/Cargo.toml" --bins
pack
