"""The repositories of the demo hub: what is in each, under which tags, and how it is pulled."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Final

import demo_content as content
import demo_texts as texts
from demo_content import Artifact, ImageRecipe

NOW: Final = datetime(2026, 11, 28, 9, tzinfo=UTC)
"""When the demo's newest versions were built: content is the same whenever it is made."""


@dataclass(frozen=True, slots=True)
class Shelf:
    """A repository: its text, the artifact of each tag from the oldest on, and pulls per day."""

    name: str
    description: str
    tags: Callable[[], Iterator[tuple[str, Artifact]]]
    readme: str = ""
    pulls: int = 5
    is_public: bool = True


def _versions(major: int, minors: int, patches: int) -> list[str]:
    return [f"{major}.{minor}.{patch}" for minor in range(minors) for patch in range(patches)]


def _created(place: int, count: int) -> str:
    moment = NOW - timedelta(days=(count - 1 - place) * 180 // max(count, 1))
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


def _with_evidence(name: str, made: Artifact, version: str, build: int) -> Artifact:
    """An image with an SBOM, a report, a provenance and a signature."""
    attached = (
        content.attach("application/spdx+json", texts.sbom(name, build), made),
        content.attach("application/sarif+json", texts.report(build), made),
        content.attach(
            "application/vnd.in-toto+json", texts.provenance(name, made.digest, version), made
        ),
        content.sign(made, name),
    )
    return replace(made, attached=attached)


def _image(
    recipe: ImageRecipe, versions: list[str], evidence: int = 3, builds: int = 0
) -> Callable[[], Iterator[tuple[str, Artifact]]]:
    """Versions of an image; the newest `evidence` are signed, and `builds` are of changes."""

    def tags() -> Iterator[tuple[str, Artifact]]:
        for number in range(builds):
            made = content.single(recipe, f"0.0.{number}", _created(number, builds))
            yield f"{'pr' if number % 3 else 'sha'}-{4000 + number * 7}", made
        for number, version in enumerate(versions):
            made = content.image(recipe, version, _created(number, len(versions)))
            left = len(versions) - number
            if left <= evidence:
                made = _with_evidence(recipe.name, made, version, 1 + (evidence - left) * 2)
            yield version, made
            minor = version.rpartition(".")[0]
            if left == 1 or not versions[number + 1].startswith(f"{minor}."):
                yield minor, made
        yield "latest", made
        candidate = f"{int(versions[-1][0]) + 1}.0.0-rc.1"
        yield candidate, content.image(recipe, candidate, _created(0, 1))

    return tags


def _chart(
    name: str, summary: str, versions: list[str]
) -> Callable[[], Iterator[tuple[str, Artifact]]]:
    def tags() -> Iterator[tuple[str, Artifact]]:
        for number, version in enumerate(versions):
            readme = texts.CHART_README.format(
                title=name.title(), name=name, version=version, summary=summary
            )
            files = {
                "values.yaml": texts.values(f"2.{number}.0", f"{256 + 128 * number}Mi"),
                "values.schema.json": texts.SCHEMA,
                "README.md": readme.encode(),
                "templates/deployment.yaml": texts.DEPLOYMENT,
                "templates/NOTES.txt": b"It runs.\n",
            }
            said = {
                "apiVersion": "v2",
                "name": name,
                "version": version,
                "appVersion": f"2.{number}.0",
                "description": summary,
                "type": "application",
                "kubeVersion": ">=1.29.0-0",
                "keywords": ["shop", "web"],
                "icon": "https://example.com/icon.svg",
                "maintainers": [{"name": "Platform team", "email": "platform@example.com"}],
                "dependencies": [
                    {
                        "name": "postgresql",
                        "version": f"16.{number}.x",
                        "repository": "oci://hub.example.com/acme/charts",
                    }
                ],
                "annotations": {
                    "artifacthub.io/license": "Apache-2.0",
                    "artifacthub.io/changes": "- kind: changed\n  description: more memory\n",
                },
            }
            made = content.chart(name, files, said)
            is_last = number == len(versions) - 1
            attached = (content.sign(made, name),) if is_last else ()
            yield version, replace(made, attached=attached)

    return tags


def _specimen(
    kind: str, versions: tuple[str, ...] = ("1.0.0", "1.1.0"), **files: bytes
) -> Callable[[], Iterator[tuple[str, Artifact]]]:
    """Versions of another kind; names of files are written with `__` for `.`."""

    def tags() -> Iterator[tuple[str, Artifact]]:
        for version in versions:
            named = {name.replace("__", "."): text for name, text in files.items()}
            yield version, content.specimen(kind, {**named, "VERSION": version.encode()})

    return tags


def _files(*versions: str, **files: bytes) -> Callable[[], Iterator[tuple[str, Artifact]]]:
    kinds = {"md": "text/markdown", "csv": "text/csv", "json": "application/json"}

    def tags() -> Iterator[tuple[str, Artifact]]:
        for number, version in enumerate(versions):
            layers = []
            for key, text in files.items():
                name = key.replace("__", ".")
                kind = kinds.get(name.rpartition(".")[2], "application/octet-stream")
                layers.append((text + b"\n" * number, kind, name))
            yield (
                version,
                content.manifest(
                    (b"{}", content.EMPTY), layers, artifactType="application/vnd.example.files"
                ),
            )

    return tags


def _readme(name: str, summary: str, port: int) -> str:
    return texts.IMAGE_README.format(title=name.title(), name=name, summary=summary, port=port)


_STOREFRONT: Final = ImageRecipe("storefront", "debian:12-slim", ["serve"], 8080)
_CHECKOUT: Final = ImageRecipe("checkout", "debian:12-slim", ["serve", "--grpc"], 9090, "MIT")
_BUILDER: Final = ImageRecipe("builder", "debian:12", ["buildkitd"], 1234, size=700_000)
_INFERENCE: Final = ImageRecipe("inference", "cuda:13-runtime", ["serve"], 8000, size=900_000)
_TRAINER: Final = ImageRecipe("trainer", "cuda:13-devel", ["train"], 8888, size=900_000)
_LEDGER: Final = ImageRecipe("ledger", "eclipse-temurin:21", ["start"], 8443, "EPL-2.0")
_WASM: Final = b"\x00asm\x01\x00\x00\x00"


def shelves(*, is_small: bool) -> list[Shelf]:
    """Every repository; the small hub has fewer versions of each."""
    many = 2 if is_small else 8
    builds = 3 if is_small else 260
    shop = "Web shop front end, served by Caddy."
    pay = "Takes payments and writes receipts."
    return [
        Shelf(
            "acme/storefront",
            shop,
            _image(_STOREFRONT, [*_versions(1, 2, 2), *_versions(2, many, 3)]),
            _readme("storefront", shop, 8080),
            420,
        ),
        Shelf(
            "acme/checkout",
            pay,
            _image(_CHECKOUT, _versions(1, many, 4), builds=builds),
            _readme("checkout", pay, 9090),
            180,
            is_public=False,
        ),
        Shelf(
            "acme/builder", "Builds images in CI.", _image(_BUILDER, _versions(1, 3, 1), 1), "", 95
        ),
        Shelf(
            "acme/charts/storefront",
            "The shop on Kubernetes.",
            _chart("storefront", "The shop on Kubernetes.", ["1.0.0", "1.1.0", "1.2.0", "2.0.0"]),
            "",
            70,
        ),
        Shelf(
            "acme/charts/postgresql",
            "The database of the shop.",
            _chart("postgresql", "The database of the shop.", ["16.0.0", "16.1.0"]),
            "",
            40,
        ),
        Shelf(
            "acme/policies/admission",
            "What pods may do.",
            _specimen("opa-bundle", policy__rego=texts.REGO),
            "",
            30,
        ),
        Shelf(
            "acme/policies/signed",
            "Only signed images run.",
            _specimen("kyverno", policy__yaml=texts.KYVERNO),
            "",
            22,
        ),
        Shelf(
            "acme/tasks/build",
            "The build step of every pipeline.",
            _specimen("tekton", build=texts.TEKTON),
            "",
            60,
        ),
        Shelf(
            "acme/deploy/production",
            "What runs in production.",
            _specimen(
                "flux", kustomization__yaml=texts.KUSTOMIZATION, deployment__yaml=texts.DEPLOYMENT
            ),
            "",
            140,
            is_public=False,
        ),
        Shelf(
            "acme/compose/shop",
            "The whole shop on a laptop.",
            _specimen("compose", compose__yaml=texts.COMPOSE),
            "",
            12,
        ),
        Shelf(
            "acme/site-assets",
            "Pictures and fonts of the shop.",
            _files(
                "2026.10",
                "2026.11",
                README__md=b"# Assets\n\nPictures of the shop.\n",
                sizes__json=b'{"logo": [64, 128]}\n',
                logo__bin=content.noise("logo", 40_000),
            ),
            "",
            8,
        ),
        Shelf(
            "acme/edge/headers",
            "Sets security headers at the edge.",
            _specimen("wasm-filter", filter=_WASM),
            "",
            55,
        ),
        Shelf(
            "acme/devcontainer/go",
            "Go in a development container.",
            _specimen("devcontainer-feature", **{"devcontainer-feature__json": texts.FEATURE}),
            "",
            6,
        ),
        Shelf(
            "globex/models/tickets",
            "Sorts support tickets into queues.",
            _specimen(
                "modelpack", weights=content.noise("weights", 900_000), card=texts.MODEL_CARD
            ),
            "",
            33,
        ),
        Shelf(
            "globex/models/small-7b",
            "A small language model.",
            _specimen(
                "docker-model",
                model=content.noise("gguf", 900_000),
                licence=b"Apache License 2.0\n",
            ),
            "",
            48,
        ),
        Shelf(
            "globex/models/churn",
            "Who is about to leave.",
            _specimen("kitops", model__bin=content.noise("churn", 300_000), data__csv=texts.CSV),
            "",
            9,
            is_public=False,
        ),
        Shelf(
            "globex/data/orders",
            "Orders of each month.",
            _files("2026-09", "2026-10", orders__csv=texts.CSV, analysis__ipynb=texts.NOTEBOOK),
            "",
            14,
        ),
        Shelf(
            "globex/inference",
            "Serves models over HTTP.",
            _image(_INFERENCE, _versions(3, 4, 2), 2),
            _readme("inference", "Serves models over HTTP.", 8000),
            260,
        ),
        Shelf(
            "globex/trainer",
            "Trains models on many cards.",
            _image(_TRAINER, _versions(1, 2, 2), 1),
            "",
            18,
        ),
        Shelf(
            "globex/charts/inference",
            "Models on Kubernetes.",
            _chart("inference", "Models on Kubernetes.", ["0.9.0", "1.0.0-rc.1"]),
            "",
            16,
        ),
        Shelf(
            "globex/functions/resize",
            "Makes pictures smaller.",
            _specimen("spin-app", spin__toml=b"spin_manifest_version = 2\n", resize=_WASM),
            "",
            21,
        ),
        Shelf(
            "globex/tofu/network",
            "A network with two subnets.",
            _specimen("opentofu-module", main__tf=texts.TOFU),
            "",
            11,
        ),
        Shelf(
            "initech/ledger",
            "Double-entry bookkeeping.",
            _image(_LEDGER, _versions(4, 3, 2), 2),
            _readme("ledger", "Double-entry bookkeeping.", 8443),
            75,
        ),
        Shelf(
            "initech/backups/ledger",
            "Nightly copies of the ledger.",
            _specimen(
                "volume", ("2026-11-26", "2026-11-27"), ledger__db=content.noise("ledger", 200_000)
            ),
            "",
            2,
            is_public=False,
        ),
        Shelf(
            "initech/machines/runner",
            "The machine that runs CI.",
            _specimen("vm-disk", disk__qcow2=content.noise("disk", 500_000)),
            "",
            4,
        ),
        Shelf(
            "initech/rules/shells",
            "Tells of shells in containers.",
            _specimen("falco-rulesfile", shells__yaml=texts.FALCO),
            "",
            25,
        ),
        Shelf(
            "initech/platform/database",
            "Databases as a custom resource.",
            _specimen("crossplane", package__yaml=texts.KUSTOMIZATION),
            "",
            7,
        ),
        Shelf(
            "initech/policies/labels",
            "Every namespace has an owner.",
            _specimen("kubewarden", policy=_WASM),
            "",
            13,
        ),
        Shelf(
            "initech/config/schema",
            "Configuration that is checked.",
            _specimen(
                "cue",
                cue__mod=b'module: "initech.example.com/config"\n',
                schema__cue=b"port: int & <65536\n",
            ),
            "",
            5,
        ),
        Shelf(
            "initech/cluster/base",
            "A cluster without internet, in one file.",
            _specimen("zarf", zarf__yaml=b"kind: ZarfPackageConfig\nmetadata: {name: base}\n"),
            "",
            3,
        ),
    ]
