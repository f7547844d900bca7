#!/usr/bin/env bash
# Writes the digest that a tag has now behind every image that the files name by tag alone: `pin-images.sh Dockerfile …`.
# It needs crane (scripts/tools.sh crane) and the registries; REGISTRY_FLAGS=--insecure for one over plain HTTP.
set -euo pipefail
readonly CRANE=${CRANE:-$(dirname "$0")/../.tools/bin/crane}
# `ARG NAME=IMAGE:TAG`, `FROM IMAGE:TAG`, `image: IMAGE:TAG`; with a registry's name, and without a digest.
readonly NAMED='(^ARG [A-Z]+=|^FROM |^ *image: )([a-z0-9.-]+(:[0-9]+)?/[a-z0-9._/-]+:[A-Za-z0-9._-]+)( .*)?$'

for file in "$@"; do
    sed --regexp-extended --quiet "s#$NAMED#\2#p" "$file" | sort --unique | while read -r image; do
        # shellcheck disable=SC2086 # flags, split into words
        digest=$("$CRANE" digest ${REGISTRY_FLAGS:-} "$image")
        echo "$file: $image@$digest"
        sed --in-place --regexp-extended "s#^((ARG [A-Z]+=|FROM | *image: )${image//./\\.})( .*)?\$#\1@$digest\3#" "$file"
    done
done
