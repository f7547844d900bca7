"""Tags and referrers through a mirror, and names of other registries (`?ns=`)."""

import json
from dataclasses import replace
from datetime import timedelta

import pytest

from entrepot.errors import Conflict
from entrepot.model.mirrors import MirrorVisibility
from tests.doors.mirror_doors import Mirrored, mirrored, upstream
from tests.support.upstream import OCI_INDEX, OCI_MANIFEST, digest_of

__all__ = ["mirrored", "upstream"]

SBOM = "application/spdx+json"


async def test_tags_are_the_upstreams_page_by_page(mirrored: Mirrored) -> None:
    for tag in ("1", "2", "3"):
        mirrored.upstream.add_image("lib/app", tag, b"x")
    first = await mirrored.ask("GET", "lib/app/tags/list?n=2")
    assert first.json() == {"name": "up/lib/app", "tags": ["1", "2"]}
    link = '</v2/up/lib/app/tags/list?n=2&last=2>; rel="next"'
    assert first.header("link") == link
    rest = await mirrored.ask("GET", "lib/app/tags/list?n=2&last=2")
    assert rest.json()["tags"] == ["3"]
    assert rest.header("link") is None
    await mirrored.ask("GET", "lib/app/tags/list?n=2")
    assert mirrored.upstream.count("GET", "/tags/list") == 2


async def test_tags_that_are_here_are_listed_while_the_upstream_fails(mirrored: Mirrored) -> None:
    for tag in ("1", "2"):
        mirrored.upstream.add_image("lib/app", tag, b"x")
    await mirrored.ask("GET", "lib/app/manifests/1")
    await mirrored.upstream.close()
    answer = await mirrored.ask("GET", "lib/app/tags/list")
    assert answer.json()["tags"] == ["1"]
    assert "up cannot be reached" in (answer.header("warning") or "")
    assert (await mirrored.ask("GET", "lib/other/tags/list")).status == 503


async def test_tags_of_nothing_are_not_found(mirrored: Mirrored) -> None:
    answer = await mirrored.ask("GET", "lib/no/tags/list")
    assert (answer.status, answer.codes) == (404, ["NAME_UNKNOWN"])


async def test_referrers_are_the_upstreams_and_can_be_pulled(mirrored: Mirrored) -> None:
    subject = mirrored.upstream.add_image("lib/app", "1", b"x")
    attached = _attach(mirrored, subject, SBOM)
    other = _attach(mirrored, subject, "text/plain")
    mirrored.upstream.referrers[subject] = [attached, other]
    answer = await mirrored.ask("GET", f"lib/app/referrers/{subject}")
    assert answer.json()["manifests"] == [attached, other]
    filtered = await mirrored.ask("GET", f"lib/app/referrers/{subject}?artifactType={SBOM}")
    assert filtered.json()["manifests"] == [attached]
    assert filtered.header("oci-filters-applied") == "artifactType"
    await mirrored.ask("GET", "lib/app/manifests/1")
    pulled = await mirrored.ask("GET", f"lib/app/manifests/{attached['digest']}")
    assert pulled.status == 200
    again = await mirrored.ask("GET", f"lib/app/referrers/{subject}")
    assert [each["digest"] for each in again.json()["manifests"]] == [  # type: ignore[attr-defined]
        attached["digest"],
        other["digest"],
    ]
    assert mirrored.upstream.count("GET", "/referrers/") == 1
    await mirrored.upstream.close()
    mirrored.town.doors.app.mirrored_lists.forget()
    stale = await mirrored.ask("GET", f"lib/app/referrers/{subject}")
    assert [each["digest"] for each in stale.json()["manifests"]] == [  # type: ignore[attr-defined]
        attached["digest"]
    ]
    assert stale.header("warning") is not None


async def test_referrers_under_the_fallback_tag_are_listed(mirrored: Mirrored) -> None:
    mirrored.upstream.has_referrers = False
    subject = mirrored.upstream.add_image("lib/app", "1", b"x")
    attached = _attach(mirrored, subject, SBOM)
    index = {"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": [attached]}
    tag = subject.replace(":", "-")
    mirrored.upstream.add_manifest("lib/app", tag, json.dumps(index).encode(), OCI_INDEX)
    await mirrored.ask("GET", "lib/app/manifests/1")
    first = await mirrored.ask("GET", f"lib/app/referrers/{subject}")
    assert first.status == 200
    await mirrored.ask("GET", f"lib/app/manifests/{attached['digest']}")
    listed = await mirrored.ask("GET", f"lib/app/referrers/{subject}")
    assert [each["digest"] for each in listed.json()["manifests"]] == [attached["digest"]]  # type: ignore[attr-defined]


@pytest.mark.parametrize("method", ["GET", "HEAD"])
async def test_names_of_another_registry_are_found_by_ns(mirrored: Mirrored, method: str) -> None:
    await mirrored.change(answers_to=("up.test:5000",), visibility=MirrorVisibility.PUBLIC)
    digest = mirrored.upstream.add_image("lib/app", "1", b"x")
    doors, auth = mirrored.town.doors, mirrored.town.auth["stranger"]
    for path in ("manifests/1", f"manifests/{digest}", f"blobs/{digest_of(b'x')}"):
        answer = await doors.ask(method, f"/v2/lib/app/{path}?ns=UP.test:5000", auth=auth)
        assert (answer.status, answer.header("oci-namespace")) == (200, "UP.test:5000"), path
    same = await mirrored.ask(method, "lib/app/manifests/1")
    assert same.header("entrepot-cache") == "hit"
    unknown = await doors.ask(method, "/v2/lib/app/manifests/1?ns=other.test", auth=auth)
    assert (unknown.status, unknown.header("oci-namespace")) == (401, None)


async def test_a_challenge_names_the_mirrors_repository(mirrored: Mirrored) -> None:
    await mirrored.change(answers_to=("up.test",))
    mirrored.upstream.add_image("lib/app", "1", b"x")
    doors, person = mirrored.town.doors, mirrored.town.auth["stranger"]
    target = "/v2/lib/app/manifests/1?ns=up.test"
    challenge = (await doors.ask("HEAD", target)).header("www-authenticate") or ""
    assert 'scope="repository:up/lib/app:pull"' in challenge
    scopes = "repository:up/lib/app:pull", "repository:lib/app:pull"
    assert (await doors.ask("HEAD", target, auth=await doors.bearer(person, *scopes))).status == 200


async def test_ns_means_nothing_to_a_push(mirrored: Mirrored) -> None:
    await mirrored.change(answers_to=("up.test",))
    doors, auth = mirrored.town.doors, mirrored.town.auth["owner"]
    answer = await doors.ask("POST", "/v2/acme/app/blobs/uploads/?ns=up.test", auth=auth)
    assert (answer.status, answer.header("oci-namespace")) == (202, None)


async def test_two_mirrors_do_not_answer_to_one_host(mirrored: Mirrored) -> None:
    await mirrored.change(answers_to=("up.test",))
    app = mirrored.town.doors.app
    with pytest.raises(Conflict, match=r"up answers to up.test already"):
        await app.mirrors.add("two", replace(mirrored.settings, answers_to=("up.test",)))
    made = await app.mirrors.add("two", replace(mirrored.settings, answers_to=None))
    assert made.answers_to == (f"127.0.0.1:{mirrored.upstream.port}",)
    three = await app.mirrors.add("three", replace(mirrored.settings, answers_to=None))
    assert three.answers_to == ()


async def test_a_list_that_is_no_list_is_told(mirrored: Mirrored) -> None:
    mirrored.upstream.fail = 500
    assert (await mirrored.ask("GET", "lib/app/tags/list")).status == 503
    await mirrored.age(timedelta(hours=1))


def _attach(mirrored: Mirrored, subject: str, kind: str) -> dict[str, object]:
    content = json.dumps(
        {
            "schemaVersion": 2,
            "mediaType": OCI_MANIFEST,
            "artifactType": kind,
            "config": {
                "mediaType": "application/vnd.oci.empty.v1+json",
                "digest": digest_of(b"{}"),
                "size": 2,
            },
            "layers": [],
            "subject": {"mediaType": OCI_MANIFEST, "digest": subject, "size": 1},
        }
    ).encode()
    digest = mirrored.upstream.add_manifest("lib/app", "", content, OCI_MANIFEST)
    return {
        "mediaType": OCI_MANIFEST,
        "digest": digest,
        "size": len(content),
        "artifactType": kind,
    }
