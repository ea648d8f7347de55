#!/usr/bin/env bash
# Installs both programs with their manual pages and shell completions, or removes exactly that.
#
#   scripts/install.sh install FOLDER_OF_BUILT_PROGRAMS
#   scripts/install.sh uninstall
#
# PREFIX says where (~/.local unless set), DESTDIR goes in front of it, for packages. What was installed is listed in
# PREFIX/share/fixmatch/installed, folders that had to be made with a slash at the end; uninstall goes by that list.
set -euo pipefail
export LC_ALL=C

die() {
    printf 'install: %s\n' "$*" >&2
    exit 1
}

# The folder that PREFIX and DESTDIR come to.
root() {
    local prefix=${PREFIX:-}
    if [ -z "$prefix" ]; then
        [ -n "${HOME:-}" ] || die "HOME is not set: say where with PREFIX=/a/folder"
        prefix=$HOME/.local
    fi
    # shellcheck disable=SC2088 # no shell has looked for the home directory in a variable of make
    case $prefix in
        '~/'*) prefix=${HOME:?}/${prefix#'~/'} ;;
    esac
    case $prefix in
        /*) ;;
        *) die "PREFIX=$prefix is a relative path: give the absolute one" ;;
    esac
    printf '%s\n' "${DESTDIR:-}$prefix"
}

install_all() {
    local built=$1 root=$2 list=$2/share/fixmatch/installed file
    for file in fixmatch fixmatch-worker; do
        [ -x "$built/$file" ] || die "there is no $built/$file: run \`make build\` first"
    done
    staging=$(mktemp -d) # global: the trap outlives this function
    trap 'rm -rf "$staging"' EXIT
    mkdir -p "$staging"/{bin,share/man/man1,share/bash-completion/completions,share/zsh/site-functions,share/fish/vendor_completions.d}
    cp "$built/fixmatch" "$built/fixmatch-worker" "$staging/bin"
    "$built/fixmatch" man "$staging/share/man/man1"
    "$built/fixmatch-worker" man "$staging/share/man/man1"
    "$built/fixmatch" completions bash >"$staging/share/bash-completion/completions/fixmatch"
    "$built/fixmatch" completions zsh >"$staging/share/zsh/site-functions/_fixmatch"
    "$built/fixmatch" completions fish >"$staging/share/fish/vendor_completions.d/fixmatch.fish"
    (cd "$staging" && find . -type f | sed 's,^\./,,' | sort) >"$staging/files"

    # The list comes first, with what an earlier installation listed: one that is interrupted can be removed too.
    : >"$staging/made"
    while IFS= read -r file; do missing_folders "$root" "$file"; done < <(cat "$staging/files" && echo share/fixmatch/installed) |
        sort -u >"$staging/made"
    if [ -e "$list" ]; then
        grep -v '/$' "$list" >"$staging/earlier" || true
        grep '/$' "$list" >>"$staging/made" || true
    else
        : >"$staging/earlier"
    fi
    mkdir -p "$root/share/fixmatch" || die "cannot make $root/share/fixmatch: choose another place with PREFIX="
    sort -u "$staging/files" "$staging/earlier" "$staging/made" >"$list.new"
    mv "$list.new" "$list"
    while IFS= read -r file; do
        mkdir -p "$root/$(dirname "$file")"
        # Renamed into its place: a program that runs keeps its own file.
        cp "$staging/$file" "$root/$file.new"
        mv -f "$root/$file.new" "$root/$file"
    done <"$staging/files"
    sort -u "$staging/earlier" | comm -13 "$staging/files" - | while IFS= read -r file; do
        rm -f "$root/$file" # of an earlier version, such as the page of a command that is gone
    done
    sort -u "$staging/files" "$staging/made" >"$list.new"
    mv "$list.new" "$list"
    echo "installed fixmatch and fixmatch-worker in $root/bin, with manual pages and completions for bash, zsh and fish"
    case ":$PATH:" in
        *":$root/bin:"*) ;;
        *) [ -n "${DESTDIR:-}" ] || echo "$root/bin is not on the PATH yet: add it, so that shells find \`fixmatch\` and its completions" ;;
    esac
}

# The folders that are missing above file $2 in folder $1, relative to it, each with a slash at the end.
missing_folders() {
    local folder
    folder=$(dirname "$2")
    while [ "$folder" != . ]; do
        [ -d "$1/$folder" ] || printf '%s/\n' "$folder"
        folder=$(dirname "$folder")
    done
}

uninstall_all() {
    local root=$1 list=$1/share/fixmatch/installed path
    [ -e "$list" ] || die "nothing to remove: there is no $list (PREFIX= names another place)"
    while IFS= read -r path; do
        case $path in
            */) ;;
            *) rm -f "$root/$path" ;;
        esac
    done <"$list"
    local folders
    folders=$(grep '/$' "$list" | sort -r) || true # what is deeper comes first
    rm -f "$list"
    while IFS= read -r path; do
        [ -z "$path" ] || rmdir "$root/$path" 2>/dev/null || true # others have put something there: it stays
    done <<<"$folders"
    echo "removed fixmatch from $root; runs, data sets and settings stay"
}

case "${1:-}" in
    install)
        [ $# -eq 2 ] || die "say where the built programs are"
        where=$(root)
        install_all "$2" "$where"
        ;;
    uninstall)
        where=$(root)
        uninstall_all "$where"
        ;;
    *) die "say install or uninstall" ;;
esac
