"""Texts of the demo hub: READMEs, values, policies, tasks, SBOMs and reports."""

import random
from typing import Any, Final

CHART_README: Final = """\
# {title}

{summary}

## Install

```console
helm install {name} oci://hub.example.com/acme/charts/{name} --version {version}
```

## Configuration

| Value | Default | Meaning |
|---|---|---|
| `replicaCount` | `2` | how many pods run |
| `image.tag` | the chart's version | what runs |
| `ingress.enabled` | `false` | whether it is reachable from outside |
| `resources.limits.memory` | `256Mi` | memory of each pod |

> [!NOTE]
> Version {version} needs Kubernetes 1.29.

## Upgrade

Read the changelog first; then `helm upgrade {name} --reuse-values`.
"""
IMAGE_README: Final = """\
# {title}

{summary}

## Run

```console
docker run --rm -p {port}:{port} hub.example.com/{name}
```

## Tags

- `1.2.3`: a release, never moved
- `1.2`, `1`, `latest`: the newest release of that line
- `pr-123`, `sha-1a2b3c4`: builds of changes, deleted after two weeks
"""


def values(version: str, memory: str) -> bytes:
    """The default values of a chart."""
    return f"""\
# How many pods run.
replicaCount: 2
image:
  repository: hub.example.com/acme/storefront
  tag: "{version}"
  pullPolicy: IfNotPresent
service:
  type: ClusterIP
  port: 8080
ingress:
  enabled: false
  className: nginx
resources:
  limits:
    memory: {memory}
    cpu: 500m
""".encode()


SCHEMA: Final = b"""\
{"$schema": "https://json-schema.org/draft-07/schema#", "type": "object", "properties": {
"replicaCount": {"type": "integer", "minimum": 0, "description": "How many pods run."},
"service": {"type": "object", "properties": {"port": {"type": "integer", "maximum": 65535}}}}}
"""
DEPLOYMENT: Final = b"""\
apiVersion: apps/v1
kind: Deployment
metadata: {name: "{{ .Release.Name }}"}
spec:
  replicas: {{ .Values.replicaCount }}
  template:
    spec:
      containers:
        - name: app
          image: "{{ .Values.image.repository }}:{{ .Values.image.tag }}"
"""
REGO: Final = b"""\
package kubernetes.admission

deny contains message if {
    input.request.object.spec.containers[_].securityContext.privileged
    message := "privileged containers are not allowed"
}
"""
KYVERNO: Final = b"""\
apiVersion: kyverno.io/v1
kind: ClusterPolicy
metadata: {name: require-signed-images}
spec:
  validationFailureAction: Enforce
  rules:
    - name: signed
      match: {any: [{resources: {kinds: [Pod]}}]}
      verifyImages: [{imageReferences: ["hub.example.com/acme/*"]}]
"""
TEKTON: Final = b"""\
apiVersion: tekton.dev/v1
kind: Task
metadata: {name: build}
spec:
  params: [{name: image, type: string}]
  steps:
    - name: build
      image: hub.example.com/acme/builder:1.4.0
      script: buildctl build --output type=image,name=$(params.image),push=true
"""
COMPOSE: Final = b"""\
name: shop
services:
  web:
    image: hub.example.com/acme/storefront:2.14.3
    ports: ["8080:8080"]
    depends_on: [db]
  db:
    image: postgres:17
    volumes: ["data:/var/lib/postgresql/data"]
volumes: {data: {}}
"""
KUSTOMIZATION: Final = b"""\
apiVersion: kustomize.config.k8s.io/v1beta1
kind: Kustomization
resources: [deployment.yaml]
images: [{name: storefront, newTag: 2.14.3}]
"""
FALCO: Final = b"""\
- rule: Shell in a container
  desc: Somebody opened a shell in a running container
  condition: spawned_process and container and proc.name in (sh, bash)
  output: "shell opened (user=%user.name container=%container.name)"
  priority: WARNING
"""
TOFU: Final = b"""\
variable "cidr" {
  type        = string
  description = "Addresses of the network"
  default     = "10.0.0.0/16"
}

resource "network" "main" {
  cidr = var.cidr
}

output "id" {
  value = network.main.id
}
"""
FEATURE: Final = b"""\
{"id": "go", "version": "1.3.0", "name": "Go",
"options": {"version": {"type": "string", "default": "1.25"}}}
"""
MODEL_CARD: Final = b"""\
---
license: apache-2.0
base_model: example/small-7b
tags: [text-generation]
---
# Ticket classifier

Sorts support tickets into eleven queues. Accuracy on the held-out set is 94.1 %.

| metric | value |
|---|---|
| accuracy | 0.941 |
| latency | 18 ms |
"""
CSV: Final = "\n".join(
    ["day,region,orders,revenue"]
    + [f"2026-10-{day:02},eu-{day % 3},{900 + day * 13},{day * 1250}.50" for day in range(1, 32)]
).encode()
NOTEBOOK: Final = b"""\
{"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": [
{"cell_type": "markdown", "metadata": {}, "source": ["# Orders in October"]},
{"cell_type": "code", "execution_count": 1, "metadata": {}, "outputs": [],
"source": ["orders = read_csv('orders.csv')\\n", "orders.groupby('region').sum()"]}]}
"""
_PACKAGES: Final = (
    *("openssl", "zlib1g", "libc6", "bash", "coreutils", "libexpat1", "libxml2", "curl", "tar"),
    *("ca-certificates", "libsqlite3-0", "libpcre2-8-0", "libgcrypt20", "libgnutls30", "perl-base"),
    *(
        "libssh2-1",
        "libkrb5-3",
        "libldap-2.5-0",
        "gzip",
        "sed",
        "grep",
        "dpkg",
        "apt",
        "util-linux",
    ),
)
_MODULES: Final = (
    *("golang.org/x/net", "golang.org/x/crypto", "google.golang.org/grpc", "github.com/go-chi/chi"),
    *("github.com/jackc/pgx/v5", "github.com/prometheus/client_golang", "go.uber.org/zap"),
)
_FINDINGS: Final = (
    ("CVE-2026-1187", "openssl", 3, 9.8, "a handshake can write past a buffer"),
    ("CVE-2026-2040", "libexpat1", 6, 7.5, "nested entities take minutes"),
    ("CVE-2025-9911", "libxml2", 8, 8.1, "a schema is freed twice"),
    ("CVE-2026-0456", "curl", 5, 5.3, "a cookie is sent to another port"),
    ("CVE-2025-7788", "perl-base", 99, 5.9, "a regular expression never ends"),
    ("CVE-2025-3301", "tar", 99, 3.3, "a hostile archive fills the disk"),
    ("CVE-2024-8120", "libgcrypt20", 4, 4.7, "timing tells key bits"),
)
"""Id, package, the build in which it is mended, score, summary."""


def packages(build: int) -> list[tuple[str, str, str, str]]:
    """Name, version, package URL and licence of what an image of that build ships."""
    found = []
    for number, name in enumerate(_PACKAGES):
        revision = 1 + (build if name in {each[1] for each in _FINDINGS} else build // 4)
        version = f"{1 + number % 4}.{number}.0-1+deb12u{revision}"
        found.append((name, version, f"pkg:deb/debian/{name}@{version}", "GPL-2.0-or-later"))
    for number, name in enumerate(_MODULES):
        version = f"v{1 + number % 3}.{build + number}.0"
        found.append((name, version, f"pkg:golang/{name}@{version}", "BSD-3-Clause"))
    chance = random.Random(7)
    names = [f"lib{chance.choice('abcdefgh')}{chance.randint(100, 999)}" for _ in range(60)]
    found += [(name, "1.0-1", f"pkg:deb/debian/{name}@1.0-1", "MIT") for name in names]
    return found[: len(found) - (build == 1)]


def sbom(name: str, build: int) -> dict[str, Any]:
    """An SBOM in SPDX."""
    return {
        "spdxVersion": "SPDX-2.3",
        "SPDXID": "SPDXRef-DOCUMENT",
        "dataLicense": "CC0-1.0",
        "name": name,
        "documentNamespace": f"https://example.com/{name}/{build}",
        "creationInfo": {"created": "2026-11-20T00:00:00Z", "creators": ["Tool: syft-1.40"]},
        "packages": [
            {
                "SPDXID": f"SPDXRef-{number}",
                "name": package,
                "versionInfo": version,
                "licenseConcluded": licence,
                "externalRefs": [
                    {
                        "referenceCategory": "PACKAGE-MANAGER",
                        "referenceType": "purl",
                        "referenceLocator": purl,
                    }
                ],
            }
            for number, (package, version, purl, licence) in enumerate(packages(build))
        ],
    }


def report(build: int) -> dict[str, Any]:
    """A scanner's report in SARIF: the findings that the build has not mended."""
    versions = {name: version for name, version, *_ in packages(build)}
    open_ones = [each for each in _FINDINGS if build < each[2]]
    rules = [
        {
            "id": finding,
            "shortDescription": {"text": f"{package}: {summary}"},
            "helpUri": f"https://example.com/{finding}",
            "properties": {"security-severity": str(score)},
        }
        for finding, package, _, score, summary in open_ones
    ]
    results = [
        {
            "ruleId": finding,
            "level": "error",
            "message": {
                "text": f"Package: {package}\nInstalled Version: {versions[package]}\n"
                f"Vulnerability {finding}\nFixed Version: "
                f"{versions[package].rpartition('u')[0]}u{fixed + 1 if fixed < 99 else ''}"
            },
        }
        for finding, package, fixed, *_ in open_ones
    ]
    driver = {"name": "Trivy", "version": "0.74.0", "rules": rules}
    return {"version": "2.1.0", "runs": [{"tool": {"driver": driver}, "results": results}]}


def provenance(name: str, digest: str, version: str) -> dict[str, Any]:
    """Who built it, from which source."""
    return {
        "_type": "https://in-toto.io/Statement/v1",
        "subject": [{"name": name, "digest": {"sha256": digest.partition(":")[2]}}],
        "predicateType": "https://slsa.dev/provenance/v1",
        "predicate": {
            "buildDefinition": {
                "buildType": "https://actions.github.io/buildtypes/workflow/v1",
                "externalParameters": {"workflow": {"ref": f"refs/tags/v{version}"}},
                "resolvedDependencies": [{"uri": f"git+https://git.example.com/{name}"}],
            },
            "runDetails": {"builder": {"id": "https://ci.example.com/runners/release"}},
        },
    }
