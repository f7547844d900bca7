#!/usr/bin/env bash
# What a stranger meets: this commit, cloned on a Debian 12 that has five packages and nothing else.
#
#   empty-machine.sh serve      as root and as a user: `make serve` answers; its processor time and its disk
#   empty-machine.sh interrupt  as root and as a user: Ctrl-C at many moments of the first `make serve`, then again
#   empty-machine.sh test       `make test` as root (or `test user`: as a user)
#   empty-machine.sh ci         .ci/run as root
#   empty-machine.sh shell      look around
#
# As root, with debootstrap. The machine is made below EMPTY_MACHINE (/srv/entrepot-empty), where the bare
# Debian is kept between runs. Its package registries are configured as on this machine.
set -euo pipefail
cd "$(dirname "$0")/.."

readonly ROOT=${EMPTY_MACHINE:-/srv/entrepot-empty}
readonly BASE=$ROOT/debian MACHINE=$ROOT/machine
readonly PACKAGES=python3,python3-venv,make,git,ca-certificates
readonly PORT=5987
# Names of what configures package registries: pip, uv, Go and the certificates that they trust.
readonly KEPT='^(PIP|UV|GO(PROXY|SUMDB|FLAGS|NOSUMDB)|SSL_CERT|REQUESTS_CA|CURL_CA|http_proxy|https_proxy|no_proxy|HTTP_PROXY|HTTPS_PROXY|NO_PROXY)'

say() { printf '\n== %s\n' "$*"; }

make_base() {
    test -d "$BASE" && return
    say "bootstrapping Debian 12 with $PACKAGES"
    rm -rf "$BASE.new"
    debootstrap --variant=minbase --include="$PACKAGES" bookworm "$BASE.new" "${DEBIAN_MIRROR:-http://deb.debian.org/debian}" >/dev/null
    cp /etc/resolv.conf /etc/hosts "$BASE.new/etc/"
    if compgen -G '/usr/local/share/ca-certificates/*.crt' >/dev/null; then
        cp /usr/local/share/ca-certificates/*.crt "$BASE.new/usr/local/share/ca-certificates/"
        chroot "$BASE.new" update-ca-certificates >/dev/null
    fi
    if test -f /etc/pip.conf; then cp /etc/pip.conf "$BASE.new/etc/"; fi
    printf 'deb %s bookworm main\ndeb %s bookworm-updates main\ndeb %s bookworm-security main\n' \
        http://deb.debian.org/debian http://deb.debian.org/debian http://deb.debian.org/debian-security \
        >"$BASE.new/etc/apt/sources.list"
    chroot "$BASE.new" useradd --create-home --shell /bin/bash dev
    mv "$BASE.new" "$BASE"
}

# A machine that nobody has touched.
fresh_machine() {
    remove_machine
    cp -a --reflink=auto "$BASE" "$MACHINE"
    git clone --quiet --no-local --branch "$(git rev-parse --abbrev-ref HEAD)" "$PWD" "$MACHINE/entrepot.git.tmp"
    rm -rf "$MACHINE/home/dev/entrepot" "$MACHINE/root/entrepot"
    cp -a "$MACHINE/entrepot.git.tmp" "$MACHINE/home/dev/entrepot"
    mv "$MACHINE/entrepot.git.tmp" "$MACHINE/root/entrepot"
    chroot "$MACHINE" chown -R dev:dev /home/dev
}

remove_machine() {
    if mountpoint --quiet "$MACHINE/proc"; then umount --recursive "$MACHINE/proc"; fi
    rm -rf --one-file-system "$MACHINE"
}

# inside WHO SCRIPT: run a script in the machine, in namespaces that end with it.
inside() {
    local who=$1 script=$2 home=/root kept=()
    test "$who" = root || home=/home/$who
    mapfile -t kept < <(env | grep -E "$KEPT" || true)
    unshare --mount --pid --ipc --uts --fork --kill-child --propagation=private bash -euo pipefail -c '
        machine=$1 who=$2 home=$3 script=$4; shift 4
        mount --bind "$machine" "$machine"
        mount --types proc proc "$machine/proc"
        mount --rbind /dev "$machine/dev"
        mount --types tmpfs -o mode=1777 tmpfs "$machine/dev/shm"
        mount --rbind /sys "$machine/sys"
        exec chroot "$machine" /usr/bin/env --ignore-environment "$@" \
            HOME="$home" USER="$who" LANG=C.UTF-8 TERM=dumb PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin \
            setpriv --reuid "$who" --regid "$who" --init-groups \
            bash -euo pipefail -c "cd ~/entrepot; $script"
    ' inside "$MACHINE" "$who" "$home" "$script" "${kept[@]}"
}

# Run until the hub answers; say what that cost.
readonly SERVE='
    export ENTREPOT_PORT='$PORT'
    before=$(du -sm ~ | cut -f1)
    make serve >~/serve.log 2>&1 & make=$!
    for _ in $(seq 600); do
        if python3 -c "import urllib.request; urllib.request.urlopen(\"http://127.0.0.1:$ENTREPOT_PORT/readyz\", timeout=5)" 2>/dev/null; then
            answered=1; break
        fi
        kill -0 $make 2>/dev/null || break
        sleep 0.5
    done
    cat ~/serve.log
    test "${answered:-}" = 1 || { echo "FAILED: it does not answer"; exit 1; }
    kill -INT -- -$make 2>/dev/null || kill -INT $(pgrep -P $make)
    wait $make || true
    times >~/times; echo "processor time, user and system: $(tail -n 1 ~/times)"
    echo "disk: $(($(du -sm ~ | cut -f1) - before)) MB more than the clone, $(du -sm ~ | cut -f1) MB in all"
'

serve() {
    local who
    fresh_machine
    for who in root dev; do
        say "make serve as $who: user and system time of all that ran"
        inside "$who" "set -m; $SERVE"
    done
}

# Ctrl-C after so many tenths of a second, each on a new clone's first run; then it must work.
readonly INTERRUPT='
    export ENTREPOT_PORT='$PORT'
    for tenths in 1 5 10 20 30 45 60 80 100 120 150 180 220; do
        rm -rf .venv .tools data
        make serve >~/serve.log 2>&1 & make=$!
        sleep $((tenths / 10)).$((tenths % 10))
        kill -INT -- -$make; wait $make || true
        make serve >~/serve.log 2>&1 & make=$!
        answered=0
        for _ in $(seq 600); do
            if python3 -c "import urllib.request; urllib.request.urlopen(\"http://127.0.0.1:$ENTREPOT_PORT/readyz\", timeout=5)" 2>/dev/null; then
                answered=1; break
            fi
            kill -0 $make 2>/dev/null || break
            sleep 0.2
        done
        test $answered = 1 || { cat ~/serve.log; echo "FAILED after an interruption at $tenths tenths"; exit 1; }
        kill -INT -- -$make; wait $make || true
        echo "interrupted after $tenths tenths of a second: works"
    done
'

interrupt() {
    local who
    fresh_machine
    for who in root dev; do
        say "Ctrl-C in the first make serve as $who"
        inside "$who" "set -m; $INTERRUPT"
    done
}

test_as() {
    fresh_machine
    say "make test as $1"
    inside "$1" 'make test; times'
}

test "$(id -u)" = 0 || { echo "empty-machine.sh needs root" >&2; exit 1; }
command -v debootstrap >/dev/null || { echo "empty-machine.sh needs debootstrap: apt-get install debootstrap" >&2; exit 1; }
mkdir -p "$ROOT"
make_base
trap remove_machine EXIT
case ${1:-} in
serve) serve ;;
interrupt) interrupt ;;
test) if test "${2:-root}" = user; then test_as dev; else test_as root; fi ;;
ci) fresh_machine && inside root 'CI=true bash .ci/run' ;;
shell) fresh_machine && inside "${2:-root}" 'exec bash -i' ;;
*) sed -n '2,/^set/p' "$0" | sed '$d; s/^# \{0,1\}//' && exit 2 ;;
esac
