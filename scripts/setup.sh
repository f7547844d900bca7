#!/usr/bin/env bash
# Makes .venv: `setup.sh serve` for what a hub needs, `setup.sh dev` for what checks and tests need too.
# Nothing is ever half there: each directory is made beside its place and renamed when it is whole, so an
# interrupted run leaves nothing that a later one trusts. What is there already costs a few milliseconds.
# EXTRAS='postgresql s3' brings those drivers for `serve` too; `dev` has them.
set -euo pipefail
cd "$(dirname "$0")/.."

readonly KIND=${1:?serve or dev}
readonly EXTRAS=${EXTRAS:-}
readonly GROUP="$KIND${EXTRAS:+ $EXTRAS}"
readonly PYTHON=${PYTHON:-python3}
readonly TOOLS=$PWD/.tools
readonly VENV=$PWD/.venv
# The last file that is written, with what .venv was made from and for.
readonly MARKER=$VENV/.made-of

fail() {
    echo "$*" >&2
    exit 1
}

check_python() {
    command -v "$PYTHON" >/dev/null ||
        fail "Entrepot needs Python 3.11 or newer, and there is no $PYTHON: apt-get install python3 python3-venv"
    "$PYTHON" -c 'import sys; sys.exit(sys.version_info < (3, 11))' ||
        fail "Entrepot needs Python 3.11 or newer; $PYTHON is $("$PYTHON" -V 2>&1). Name another: make PYTHON=python3.12 serve"
    # Debian packages both modules apart from Python itself.
    "$PYTHON" -c 'import ensurepip, venv' 2>/dev/null ||
        fail "$PYTHON lacks the modules venv and ensurepip: apt-get install python3-venv"
}

# Everything that a .venv depends on: what is locked, which Python, and this path (scripts name it).
wanted() {
    cat pyproject.toml uv.lock requirements-bootstrap.txt | sha256sum
    "$PYTHON" -c 'import sys; print(sys.version, sys.base_prefix)'
    echo "$PWD"
}

# Whether .venv was once made whole, in this place, by this Python; its packages may be older than the lock.
is_sound() {
    test -f "$MARKER" && test "$(sed 1,2d "$MARKER")" = "$(sed 1d <<<"$WANTED")" && "$VENV/bin/python" -c '' 2>/dev/null
}

is_ready() {
    test "$(head -n 1 "$MARKER" 2>/dev/null)" = dev || test "$(head -n 1 "$MARKER" 2>/dev/null)" = "$GROUP" || return 1
    test "$(sed 1d "$MARKER")" = "$WANTED" && "$VENV/bin/python" -c '' 2>/dev/null
}

# uv is one file; the environment that pip puts it into is not kept.
install_uv() {
    local version made
    version=$(sed -n 's/^uv==\([^ ]*\).*/\1/p' requirements-bootstrap.txt)
    UV=$TOOLS/uv-$version/uv
    test -x "$UV" && return
    echo "[1/3] fetching uv $version, which installs the rest"
    made=$TOOLS/uv.new
    "$PYTHON" -m venv "$made"
    "$made/bin/python" -m pip install --quiet --no-cache-dir --disable-pip-version-check \
        --require-hashes --only-binary :all: -r requirements-bootstrap.txt
    mkdir -p "${UV%/uv}"
    mv "$made/bin/uv" "$UV"
    rm -rf "$made"
}

sync() {
    local groups=(--no-dev) extra
    test "$KIND" = serve || groups=(--group dev)
    for extra in $EXTRAS; do groups+=(--extra "$extra"); done
    export UV_PROJECT_ENVIRONMENT=$1 UV_PYTHON_DOWNLOADS=never UV_PYTHON
    UV_PYTHON=$1/bin/python
    if test -t 2; then
        "$UV" sync --frozen --inexact --compile-bytecode "${groups[@]}"
    else
        # Without a terminal there are no progress bars; of what remains, the totals are enough.
        "$UV" sync --frozen --inexact --compile-bytecode "${groups[@]}" 2>&1 | { grep -v '^ [-+~] ' || true; }
    fi
}

install_packages() {
    local packages
    packages=$(grep -c '^name = ' uv.lock)
    test "$KIND" = dev || packages=$("$UV" export --frozen --no-dev --no-hashes --no-emit-project --quiet | grep -c '^[a-z]')
    echo "[2/3] installing $packages packages into .venv"
    if is_sound; then
        # In place: a hub may run from it. Without its marker an interrupted run is made anew.
        rm -f "$MARKER"
        sync "$VENV"
    else
        rm -rf "$VENV.old"
        "$UV" venv --quiet --relocatable --no-project --python "$(command -v "$PYTHON")" "$VENV.new"
        sync "$VENV.new"
        if test -e "$VENV"; then mv "$VENV" "$VENV.old"; fi
        mv "$VENV.new" "$VENV"
        rm -rf "$VENV.old"
    fi
    ln -sf "../../${UV#"$PWD"/}" "$VENV/bin/uv"
    echo "[3/3] compiling Entrepot itself"
    "$VENV/bin/python" -m compileall -q src
    printf '%s\n%s\n' "$GROUP" "$WANTED" >"$MARKER.new"
    mv "$MARKER.new" "$MARKER"
}

case $KIND in serve | dev) ;; *) fail "setup.sh takes serve or dev, not $KIND" ;; esac
check_python
WANTED=$(wanted)
readonly WANTED
is_ready && exit 0
mkdir -p "$TOOLS"
exec 8>"$TOOLS/setup-lock"
flock 8 # two runs at once would move each other's directories
is_ready && exit 0
rm -rf "$VENV.new" "$TOOLS/uv.new"
install_uv
install_packages
