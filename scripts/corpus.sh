#!/usr/bin/env bash
# Pushes with the real clients to a hub, so that `scripts/corpus.py` can write down what they made.
# The last part of each repository's name is the kind that its manifests are of.
#   entrepot serve --data "$(mktemp -d)" --port 5990     with ENTREPOT_ADMIN_PASSWORD=corpus-password
#   scripts/corpus.sh localhost:5990 && python scripts/corpus.py localhost:5990
set -euo pipefail
host=$1
root=$(cd "$(dirname "$0")/.." && pwd)
export PATH=$root/.tools/bin:$PATH HOME
HOME=$(mktemp -d)
cd "$HOME"
password=corpus-password
export COSIGN_PASSWORD=

for client in helm3 helm4; do
    echo $password | $client registry login "$host" -u admin --password-stdin --plain-http
done
echo $password | oras login "$host" -u admin --password-stdin
echo $password | crane auth login "$host" -u admin --password-stdin
echo $password | cosign login "$host" -u admin --password-stdin
regctl registry set --tls disabled "$host"
echo $password | regctl registry login "$host" -u admin --pass-stdin
echo $password | podman login --tls-verify=false "$host" -u admin --password-stdin

echo text > notes.txt && mkdir -p folder/inner && echo more > folder/inner/file.txt
tar czf data.tar.gz folder && tar cf layer.tar folder

helm3 create helm-chart >/dev/null && helm3 package helm-chart --version 1.0.0+build.1 >/dev/null
helm3 push helm-chart-1.0.0+build.1.tgz "oci://$host/by-helm3" --plain-http
helm4 push helm-chart-1.0.0+build.1.tgz "oci://$host/by-helm4" --plain-http

oras push "$host/by-oras/files:one" notes.txt:text/plain
oras push "$host/by-oras/files:old" --image-spec v1.0 notes.txt
oras push "$host/by-oras/files:folder" folder
oras push "$host/by-oras/unknown:own" --artifact-type application/vnd.acme.thing.v1 notes.txt
oras push "$host/by-oras/volume:one" --artifact-type application/vnd.docker.volume.v1+tar.gz data.tar.gz:application/gzip
oras push "$host/by-oras/opentofu-module:1" --artifact-type application/vnd.opentofu.modulepkg data.tar.gz:archive/zip
oras push "$host/by-oras/sarif:alone" --artifact-type application/sarif+json notes.txt:application/sarif+json
oras attach "$host/by-oras/files:one" --artifact-type application/vnd.cyclonedx+json notes.txt:application/vnd.cyclonedx+json
regctl artifact put --artifact-type application/spdx+json -f notes.txt "$host/by-regctl/spdx:1"
regctl artifact put --file-title -f notes.txt --artifact-type application/vnd.unknown.artifact.v1 "$host/by-regctl/files:1"

crane append --platform linux/amd64 -f layer.tar -t "$host/by-crane/image:amd64"
crane mutate "$host/by-crane/image:amd64" --set-platform linux/arm64 -t "$host/by-crane/image:arm64"
crane index append -m "$host/by-crane/image:amd64" -m "$host/by-crane/image:arm64" -t "$host/by-crane/image:1"

podman import layer.tar "$host/by-podman/image:1" >/dev/null
podman push --tls-verify=false "$host/by-podman/image:1"
podman push --tls-verify=false --format v2s2 "$host/by-podman/image:1" "$host/by-podman/image:docker"
skopeo copy --src-tls-verify=false --dest-tls-verify=false "docker://$host/by-podman/image:1" "docker://$host/by-skopeo/image:1"

cosign generate-key-pair >/dev/null 2>&1
crane copy "$host/by-crane/image:amd64" "$host/by-cosign/image:1"
digest=$(crane digest "$host/by-cosign/image:1")
quiet=(--allow-http-registry --tlog-upload=false --use-signing-config=false --key cosign.key -y)
cosign sign "${quiet[@]}" "$host/by-cosign/image@$digest"
cosign sign "${quiet[@]}" --new-bundle-format=false "$host/by-cosign/image@$digest"
echo '{"buildType":"https://example.org/make","builder":{"id":"https://example.org"}}' > predicate.json
cosign attest "${quiet[@]}" --type slsaprovenance --predicate predicate.json "$host/by-cosign/image@$digest"

mkdir module && cd module
cue mod init --source=self "example.org/by-cue@v0" && echo 'x: 1' > x.cue
CUE_REGISTRY="$host/cue+insecure" cue mod publish v0.0.1
