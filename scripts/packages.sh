#!/usr/bin/env bash
# Brings the programs of scripts/packages.txt. As root: installs the packages that this machine lacks. As a user:
# unpacks them and what they depend on below .tools/debian (some 400 MB), with an apt of its own that changes
# nothing of the machine's; a program started from .tools/debian/bin finds its libraries there.
set -euo pipefail
cd "$(dirname "$0")/.."

readonly PRIVATE=$PWD/.tools/debian

# Without root some programs cannot do what they are for; a user is spared them.
wanted() {
    if test "$(id -u)" = 0; then sed 's/#.*//; s/ root$//' scripts/packages.txt; else sed 's/#.*//; / root$/d' scripts/packages.txt; fi
}

# The packages that this machine lacks; what it has stays as it is.
lacking() {
    local package
    for package in $(wanted); do
        dpkg-query --show --showformat '${db:Status-Status}\n' "$package" 2>/dev/null |
            grep --quiet --line-regexp installed || echo "$package"
    done
}

# None of their services is wanted: the tests start what they need, where they need it.
install_as_root() {
    echo "installing ${#ABSENT[@]} Debian packages: ${ABSENT[*]}"
    apt-get update -qq
    RUNLEVEL=1 DEBIAN_FRONTEND=noninteractive apt-get install --yes -qq --no-install-recommends "${ABSENT[@]}" >/dev/null
}

private_apt() {
    apt-get -qq -o Debug::NoLocking=1 -o APT::Sandbox::User="$(id -un)" -o Dir::State::status=/var/lib/dpkg/status \
        -o Dir::State::lists="$1/lists" -o Dir::Cache="$1/cache" -o Dir::State::extended_states="$1/extended" "${@:2}"
}

# A program of an unpacked package looks for its libraries and data in the machine's directories.
wrap() {
    local root=$1 libraries=$2 program=$3 name
    name=$(basename "$program")
    {
        echo '#!/bin/sh'
        echo "export LD_LIBRARY_PATH='$libraries'\${LD_LIBRARY_PATH:+:\$LD_LIBRARY_PATH}"
        case $name in
        chromium)
            echo "export FONTCONFIG_FILE='$PRIVATE/fonts.conf' XDG_DATA_DIRS='$root/usr/share'"
            echo "exec '$root/usr/lib/chromium/chromium' \"\$@\""
            ;;
        skopeo) echo "exec '$program' --policy '$PRIVATE/policy.json' \"\$@\"" ;;
        gpg) echo "exec '$program' --agent-program '$PRIVATE/bin/gpg-agent' \"\$@\"" ;;
        gpgconf)
            # It starts programs by the machine's paths. Of what it does, the tests ask for the agent's end.
            echo "exec '$root/usr/bin/gpg-connect-agent' --no-autostart killagent /bye"
            ;;
        *) echo "exec '$program' \"\$@\"" ;;
        esac
    } >"$PRIVATE/bin.new/$name"
    chmod +x "$PRIVATE/bin.new/$name"
}

unpack_as_user() {
    local apt=$PRIVATE/apt root=$PRIVATE/root archive archives libraries program triplet
    command -v apt-get >/dev/null && command -v dpkg-deb >/dev/null || {
        echo "these programs of Debian's packages are missing, and there is no apt-get: ${ABSENT[*]}" >&2
        return 0
    }
    cmp --quiet <(printf '%s\n' "${ABSENT[@]}") "$PRIVATE/packages" && return
    rm -rf "$PRIVATE"
    mkdir -p "$apt"/{lists,cache/archives}/partial "$root.new" "$PRIVATE/bin.new"
    echo "fetching ${#ABSENT[@]} Debian packages and what they depend on into .tools/debian: ${ABSENT[*]}"
    private_apt "$apt" update
    private_apt "$apt" install --yes --no-install-recommends --download-only "${ABSENT[@]}"
    archives=("$apt"/cache/archives/*.deb)
    echo "unpacking ${#archives[@]} packages"
    for archive in "${archives[@]}"; do
        dpkg-deb --extract "$archive" "$root.new"
        rm "$archive"
    done
    rm -rf "$apt"
    triplet=$(uname -m)-linux-gnu
    libraries=$root/usr/lib/$triplet:$root/lib/$triplet$(
        find "$root.new" -name 'lib*.so*' -printf ':%h\n' | sort --unique | sed "s|$root.new|$root|" | tr --delete '\n'
    )
    while read -r program; do
        wrap "$root" "$libraries" "$root${program#"$root.new"}"
    done < <(find "$root.new"/{usr/,}{bin,sbin} "$root.new"/usr/lib/postgresql/*/bin -maxdepth 1 -perm -u+x \( -type f -o -type l \) 2>/dev/null)
    echo '{"default": [{"type": "insecureAcceptAnything"}]}' >"$PRIVATE/policy.json"
    echo "<fontconfig><dir>$root/usr/share/fonts</dir><cachedir>$PRIVATE/fonts-cache</cachedir></fontconfig>" >"$PRIVATE/fonts.conf"
    mv "$root.new" "$root"
    mv "$PRIVATE/bin.new" "$PRIVATE/bin"
    printf '%s\n' "${ABSENT[@]}" >"$PRIVATE/packages"
}

command -v dpkg-query >/dev/null || {
    echo "this is no Debian: the tests need the programs that scripts/packages.txt names" >&2
    exit 0
}
mapfile -t ABSENT < <(lacking)
test "${#ABSENT[@]}" -gt 0 || exit 0
if test "$(id -u)" = 0; then install_as_root; else unpack_as_user; fi
