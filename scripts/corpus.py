"""Writes what real clients pushed (`scripts/corpus.sh`) into `tests/corpus/made`, one file each."""

import json
import sys
from pathlib import Path
from typing import Final

import httpx

MADE: Final = Path(__file__).parent.parent / "tests" / "corpus" / "made"
_ATTACHED: Final = {"by-cosign", "by-oras"}


def main(host: str) -> None:
    """Ask the hub for every tag and whatever is attached, and write it down."""
    MADE.mkdir(parents=True, exist_ok=True)
    with httpx.Client(base_url=f"http://{host}", auth=("admin", "corpus-password")) as client:
        for name in client.get("/v2/_catalog?n=1000").json()["repositories"]:
            for tag in client.get(f"/v2/{name}/tags/list").json()["tags"]:
                write(client, name, tag)


def write(client: httpx.Client, name: str, reference: str) -> None:
    """One manifest, its config where it is JSON, and the kinds of an index's children."""
    page = client.get(f"/r/{name}:{reference}", headers={"accept": "application/json"})
    answer = client.get(f"/v2/{name}/manifests/{reference}")
    manifest = answer.json()
    entry: dict[str, object] = {"kind": page.json()["kind"], "manifest": manifest}
    if "mediaType" not in manifest:
        entry["mediaType"] = answer.headers["content-type"]
    config = manifest.get("config")
    if config:
        body = client.get(f"/v2/{name}/blobs/{config['digest']}").content
        entry["config"] = json.loads(body) if body.startswith(b"{") else {}
    entry["children"] = [
        client.get(f"/r/{name}@{child['digest']}", headers={"accept": "application/json"}).json()[
            "kind"
        ]
        for child in manifest.get("manifests", [])
    ]
    stem = f"{name}-{reference[:20]}".replace("/", "-").replace(":", "-")
    (MADE / f"{stem}.json").write_text(json.dumps(entry, indent=1) + "\n")
    for tab in (
        client.get(f"/r/{name}:{reference}/referrers", headers={"accept": "application/json"})
        .json()
        .get("nodes", [])
    ):
        write_attached(client, name, tab["attached"]["digest"])


def write_attached(client: httpx.Client, name: str, digest: str) -> None:
    """Something attached, by its digest."""
    manifest = client.get(f"/v2/{name}/manifests/{digest}").json()
    page = client.get(f"/r/{name}@{digest}", headers={"accept": "application/json"}).json()
    stem = f"{name}-{page['kind']}-attached".replace("/", "-")
    entry = {"kind": page["kind"], "manifest": manifest}
    (MADE / f"{stem}.json").write_text(json.dumps(entry, indent=1) + "\n")


if __name__ == "__main__":
    main(sys.argv[1])
