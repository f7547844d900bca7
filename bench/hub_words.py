"""Words that a made-up hub is described with: like real ones, and the same every time."""

from collections.abc import Iterator
from random import Random


def _split(text: str) -> list[str]:
    return text.split()


PRODUCTS = _split(
    "nginx redis postgres mysql mariadb mongo kafka rabbitmq elasticsearch opensearch grafana "
    "prometheus loki tempo jaeger keycloak vault consul traefik envoy haproxy varnish caddy "
    "wordpress ghost drupal nextcloud gitea forgejo jenkins sonarqube nexus minio ceph etcd "
    "zookeeper airflow spark flink trino superset metabase jupyter mlflow ollama vllm pytorch "
    "tensorflow whisper llama mistral qwen alpine debian ubuntu fedora node python golang rust "
    "openjdk ruby php dotnet erlang haskell perl curl busybox memcached couchdb influxdb "
    "timescaledb clickhouse cassandra neo4j temporal argocd flux velero harbor cosign kyverno "
    "falco trivy dex oauth2-proxy cert-manager external-dns metallb cilium calico linkerd istio"
)
SUFFIXES = _split(
    "server client operator exporter proxy api web worker agent base dev tools cli ui backup "
    "gateway controller scheduler init sidecar runtime builder test stack cluster"
)
LICENSES = _split(
    "Apache-2.0 MIT BSD-3-Clause GPL-2.0-only GPL-3.0-or-later MPL-2.0 AGPL-3.0-only ISC Zlib "
    "LGPL-2.1-only PostgreSQL Unlicense"
)
KINDS = {
    "image": 60,
    "helm-chart": 18,
    "files": 5,
    "compose": 4,
    "docker-model": 3,
    "wasm": 3,
    "kyverno": 2,
    "flux": 2,
    "volume": 3,
}
PLATFORMS = ("linux/amd64", "linux/arm64", "linux/arm/v7", "windows/amd64")
ECOSYSTEMS = ("deb/debian", "apk/alpine", "npm", "pypi", "golang", "maven", "cargo")
_SYLLABLES = _split("ka lo mi ren ta su vel dor pin gra tho nex um bri cal es fin hol jet quo")


def vocabulary(random: Random, size: int) -> list[str]:
    """Made-up words, those of real projects among the frequent ones."""
    made = {"".join(random.choices(_SYLLABLES, k=random.randint(2, 4))) for _ in range(size)}
    return [*PRODUCTS, *SUFFIXES, *sorted(made)]


def sentences(random: Random, words: list[str], count: int) -> str:
    """Text in which few words are frequent and most are rare."""
    picked = (words[int(len(words) * random.random() ** 3)] for _ in range(count))
    return " ".join(picked)


def repository_names(random: Random, namespaces: list[str]) -> Iterator[tuple[int, str]]:
    """Places of namespaces and names in them, no name twice; the first namespaces have most."""
    seen: set[str] = set()
    while True:
        place = int(len(namespaces) * random.random() ** 2)
        product = random.choice(PRODUCTS)
        name = product if random.random() < 0.3 else f"{product}-{random.choice(SUFFIXES)}"
        name = f"{namespaces[place]}/{name}"
        if name in seen:
            name = f"{name}-{len(seen)}"
        seen.add(name)
        yield place, name


def tag_names(count: int) -> list[str]:
    """Versions as projects number them, with variants, and `latest`."""
    names = ["latest"]
    for number in range(count - 1):
        release, variant = divmod(number, 3)
        major, minor, patch = release // 50, release // 5 % 10, release % 5
        names.append(f"{major}.{minor}.{patch}{('', '-alpine', '-debug')[variant]}")
    return names
