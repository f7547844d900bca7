"""Layouts that the hub writes are read by real clients, and it reads what they write."""

import json
import ssl
from pathlib import Path

import httpx
import pytest

from entrepot.oci.digests import Digest
from entrepot.oci.media_types import OCI_INDEX, OCI_MANIFEST
from tests.support.server import ORGANIZATION, PASSWORD, USER, Hub
from tests.support.tools import run, tool
from tests.wire.content import CONFIG, descriptor, image, index

pytestmark = pytest.mark.clients

LAYER = b"a layer of a layout" * 100
NAME = f"{ORGANIZATION}/layout"


def client_of(hub: Hub) -> httpx.Client:
    """A client that is signed in."""
    verify = ssl.create_default_context(cafile=hub.ca) if hub.ca else True
    return httpx.Client(base_url=hub.url, auth=(USER, PASSWORD), timeout=60, verify=verify)


def push(client: httpx.Client, reference: str, content: bytes, kind: str = OCI_MANIFEST) -> str:
    """Push a manifest; return its digest."""
    put = client.put(
        f"/v2/{NAME}/manifests/{reference}", content=content, headers={"content-type": kind}
    )
    assert put.status_code == 201, put.text
    return str(Digest.of(content))


@pytest.fixture(scope="module")
def stocked(hub: Hub) -> dict[str, str]:
    """An index of two images with something attached; digests by what they are."""
    config = b'{"architecture":"amd64","os":"linux","rootfs":{"type":"layers","diff_ids":[]}}'
    with client_of(hub) as client:
        for content in (LAYER, config, b"{}"):
            digest = str(Digest.of(content))
            target = f"/v2/{NAME}/blobs/uploads/"
            done = client.post(target, params={"digest": digest}, content=content)
            assert done.status_code == 201, done.text
        described = descriptor(config, CONFIG)
        one = image(LAYER, config=described)
        two = image(LAYER, config=described, annotations={"number": "two"})
        found = {"one": push(client, "v1", one)}
        found["two"] = push(client, str(Digest.of(two)), two)
        both = index(descriptor(one, OCI_MANIFEST), descriptor(two, OCI_MANIFEST))
        found["index"] = push(client, "all", both, OCI_INDEX)
        subject = descriptor(both, OCI_INDEX)
        sbom = image(LAYER, config=described, artifactType="a/sbom", subject=subject)
        found["sbom"] = push(client, str(Digest.of(sbom)), sbom)
    return found


def copied(hub: Hub, name: str, stocked: dict[str, str]) -> None:
    """All of it is in that repository."""
    with client_of(hub) as client:
        tags = client.get(f"/v2/{name}/tags/list").json()["tags"]
        assert tags == ["all", "v1"]
        for digest in stocked.values():
            got = client.get(f"/v2/{name}/manifests/{digest}")
            assert str(Digest.of(got.content)) == digest
        attached = client.get(f"/v2/{name}/referrers/{stocked['index']}").json()["manifests"]
        assert [each["digest"] for each in attached] == [stocked["sbom"]]


@pytest.mark.parametrize("end", ["", ".tar"])
def test_what_is_exported_can_be_imported(
    hub: Hub, stocked: dict[str, str], tmp_path: Path, end: str
) -> None:
    path, name = tmp_path / f"layout{end}", f"{ORGANIZATION}/again{len(end)}"
    said = json.loads(hub.cli("export", NAME, str(path), "--json"))
    assert said["manifests"] == len(stocked)
    for _ in range(2):
        tags = json.loads(hub.cli("import", str(path), name, "--json"))["tags"]
        assert tags == {"all": stocked["index"], "v1": stocked["one"]}
        copied(hub, name, stocked)


def test_one_tag_takes_what_belongs_to_it(
    hub: Hub, stocked: dict[str, str], tmp_path: Path
) -> None:
    hub.cli("export", f"{NAME}:v1", str(tmp_path / "one"))
    assert {each.name for each in (tmp_path / "one" / "blobs" / "sha256").iterdir()} >= {
        stocked["one"].removeprefix("sha256:"),
        Digest.of(LAYER).hex,
    }
    entries = json.loads((tmp_path / "one" / "index.json").read_text())["manifests"]
    assert [each["digest"] for each in entries] == [stocked["one"]]
    hub.cli("export", f"{NAME}@{stocked['index']}", str(tmp_path / "by-digest"))
    text = (tmp_path / "by-digest" / "index.json").read_text()
    assert {each["digest"] for each in json.loads(text)["manifests"]} == {
        stocked["index"],
        stocked["sbom"],
    }


def test_other_clients_read_what_is_exported(
    hub: Hub, stocked: dict[str, str], tmp_path: Path, home: dict[str, str]
) -> None:
    layout = tmp_path / "layout"
    hub.cli("export", NAME, str(layout))
    raw = run(tool("skopeo"), "inspect", "--raw", f"oci:{layout}:all", env=home)
    assert str(Digest.of(raw.encode())) == stocked["index"]
    copied_by_oras = run(
        tool("oras"), "manifest", "fetch", "--oci-layout", f"{layout}:v1", env=home
    )
    assert str(Digest.of(copied_by_oras.encode())) == stocked["one"]
    tree = run(tool("oras"), "discover", "--oci-layout", f"{layout}:all", env=home)
    assert "a/sbom" in tree


def test_the_hub_reads_what_another_client_wrote(
    hub: Hub, stocked: dict[str, str], tmp_path: Path, home: dict[str, str]
) -> None:
    whole, written = tmp_path / "whole", tmp_path / "written"
    hub.cli("export", NAME, str(whole))
    run(
        tool("oras"),
        *("cp", "-r", "--from-oci-layout", "--to-oci-layout", f"{whole}:all", f"{written}:all"),
        env=home,
    )
    name = f"{ORGANIZATION}/by-oras"
    hub.cli("import", str(written), name)
    with client_of(hub) as client:
        got = client.get(f"/v2/{name}/manifests/all")
        assert str(Digest.of(got.content)) == stocked["index"]
        attached = client.get(f"/v2/{name}/referrers/{stocked['index']}").json()["manifests"]
        assert [each["digest"] for each in attached] == [stocked["sbom"]]


def test_what_is_no_layout_or_damaged_is_refused(
    hub: Hub, stocked: dict[str, str], tmp_path: Path
) -> None:
    layout = tmp_path / "layout"
    hub.cli("export", NAME, str(layout))
    blob = layout / "blobs" / "sha256" / stocked["one"].removeprefix("sha256:")
    blob.write_bytes(blob.read_bytes() + b" ")
    (tmp_path / "text").write_text("no archive")
    (tmp_path / "empty").mkdir()
    for path in (layout, tmp_path / "text", tmp_path / "empty", tmp_path / "absent"):
        with pytest.raises(AssertionError, match="entrepot: "):
            hub.cli("import", str(path), f"{ORGANIZATION}/none")
    with pytest.raises(AssertionError, match="exists"):
        hub.cli("export", NAME, str(layout))
