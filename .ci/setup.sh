#!/usr/bin/env bash
# Installs what is missing, and is silent when nothing is.
#   setup.sh system build|test|bench|free-threaded   Debian packages
#   setup.sh venv REQUIREMENTS STAMP [PYTHON]        Python packages, in a virtual environment: the stamp's folder
set -euo pipefail
export DEBIAN_FRONTEND=noninteractive

fail() {
    echo "setup: $*" >&2
    exit 1
}

as_root() {
    if [ "$(id -u)" = 0 ]; then
        "$@"
    elif command -v sudo >/dev/null; then
        sudo --preserve-env=DEBIAN_FRONTEND "$@"
    else
        return 1
    fi
}

may_install() {
    command -v apt-get >/dev/null || return 1
    [ "$(id -u)" = 0 ] && return
    command -v sudo >/dev/null && { sudo -n true 2>/dev/null || [ -t 0 ]; }
}

apt_install() {
    as_root apt-get install -qq -y --no-install-recommends -o DPkg::Lock::Timeout=300 "$@"
}

system() {
    local wanted=(gcc libc6-dev make liblua5.4-dev) missing=() name
    local python
    python=$(command -v "${PYTHON:-python3}" || true)
    # Debian's own Python comes in parts; any other brings its headers and venv along.
    if [ -z "$python" ] || [[ "$(readlink -f "$python")" == /usr/bin/* ]]; then
        wanted+=(python3 python3-venv python3-dev)
    fi
    if [ "$1" = test ]; then
        wanted+=(clang-14 libcmocka-dev libssl-dev zlib1g-dev
            python3 python3-venv python3-dev libpython3-dev python3-numpy python3-pytest python3-pytest-xdist
            python3-hypothesis)
    fi
    if [ "$1" = bench ]; then
        wanted+=(redis-server)
    fi
    if [ "$1" = free-threaded ]; then # what an interpreter is built from
        wanted+=(ca-certificates libbz2-dev libffi-dev liblzma-dev libreadline-dev libsqlite3-dev libssl-dev uuid-dev xz-utils zlib1g-dev)
    fi
    if ! command -v dpkg-query >/dev/null; then
        echo "setup: this is not Debian; these packages, or their like, are needed: ${wanted[*]}" >&2
        return
    fi
    for name in "${wanted[@]}"; do
        [[ "$(dpkg-query -W -f='${db:Status-Abbrev}' "$name" 2>/dev/null)" == ii* ]] || missing+=("$name")
    done
    [ ${#missing[@]} = 0 ] && return
    may_install || fail "missing Debian packages, and neither root nor sudo to install them." \
        "As root: apt-get install ${missing[*]}"
    echo "setup: installing with apt: ${missing[*]}" >&2
    # The lists are fetched only when those at hand are missing or out of date.
    apt_install "${missing[@]}" >/dev/null 2>&1 || {
        as_root apt-get update -qq && apt_install "${missing[@]}" >/dev/null
    } || fail "apt-get could not install: ${missing[*]}"
}

venv() {
    local requirements=$1 stamp=$2 python=${3:-python3} dir
    dir=$(dirname "$stamp")
    "$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' ||
        fail "$python is older than Python 3.11; say which to use: make PYTHON=..."
    if ! "$dir/bin/python" -m pip --version >/dev/null 2>&1; then
        "$python" -m venv --clear "$dir" || fail "$python -m venv failed. On Debian: apt-get install python3-venv"
    fi
    echo "setup: installing $requirements into $dir" >&2
    "$dir/bin/python" -m pip install -q --disable-pip-version-check --no-input --retries 5 -r "$requirements" ||
        fail "pip could not install $requirements"
    touch "$stamp"
}

"$@"
