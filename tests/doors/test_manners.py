"""HEAD like GET, conditions, the version and the bytes of manifests."""

import threading
from itertools import product

import pytest

from entrepot.model.repositories import Visibility
from entrepot.oci.digests import Digest
from entrepot.oci.media_types import OCI_INDEX
from entrepot.web import render
from tests.doors.conftest import INDEX, INDEX_DIGEST, LAYER_DIGEST, Open, Town
from tests.doors.doors import Answer

ABSENT_DIGEST = Digest.of(b"absent")

TARGETS = [
    *("/v2/", "/v2/_catalog", "/v2/{name}/tags/list", "/v2/{name}/tags/list?n=0", "/token"),
    *("/v2/{name}/manifests/v1", "/v2/{name}/manifests/none", f"/v2/{{name}}/blobs/{LAYER_DIGEST}"),
    *(f"/v2/{{name}}/manifests/{INDEX_DIGEST}", f"/v2/{{name}}/blobs/{ABSENT_DIGEST}"),
    *(
        f"/v2/{{name}}/referrers/{LAYER_DIGEST}",
        "/v2/{name}/blobs/sha256:abc",
        "/v2/UPPER/tags/list",
    ),
    *(
        "/",
        "/static/style.css",
        "/nothing",
        "/healthz",
        "/readyz",
        "/v2/nothing",
        "/v2/{name}/tags/list?n=x",
    ),
]


def _lasting(answer: Answer) -> list[tuple[str, str]]:
    """The headers, without what is new in every answer."""
    new = ("set-cookie", "content-length") if answer.header("set-cookie") else ()
    return sorted(pair for pair in answer.pairs if pair[0] not in new)


@pytest.mark.parametrize("target", TARGETS)
async def test_head_answers_as_get_without_the_bytes(town: Town, target: str) -> None:
    for visibility, who in product((None, Visibility.PRIVATE), ("nobody", "owner")):
        path = target.format(name=await town.build(visibility))
        get, head = [
            await town.doors.ask(method, path, auth=town.auth[who]) for method in ("GET", "HEAD")
        ]
        # A token differs from the last one, and so may its length by a little; a browser that has
        # no cookie yet is given one of its own.
        assert head.status == get.status
        if target != "/token":
            assert _for_reading(_lasting(head)) == _lasting(get)


def _for_reading(headers: list[tuple[str, str]]) -> list[tuple[str, str]]:
    """A `HEAD` of a blob is a look before a push: its challenge alone asks for that scope too."""
    return [
        (name, value.replace(":pull,push", ":pull") if name == "www-authenticate" else value)
        for name, value in headers
    ]


@pytest.mark.parametrize("method", ["GET", "HEAD"])
@pytest.mark.parametrize(
    ("target", "digest"),
    [
        ("manifests/v1", INDEX_DIGEST),
        (f"manifests/{INDEX_DIGEST}", INDEX_DIGEST),
        (f"blobs/{LAYER_DIGEST}", LAYER_DIGEST),
    ],
)
async def test_what_the_client_has_already_is_not_sent_again(
    town: Town, method: str, target: str, digest: Digest
) -> None:
    path = f"/v2/{await town.build(Visibility.PUBLIC)}/{target}"
    first = await town.doors.ask(method, path)
    etag = first.header("etag")
    assert etag == f'"{digest}"'
    known = [etag, f"W/{etag}", str(digest), f'"x", {etag}', "*", f'"a","b",{etag}']
    for value in known:
        answer = await town.doors.ask(method, path, if_none_match=value)
        assert answer.status == 304, value
        assert answer.header("etag") == etag
        assert answer.header("docker-content-digest") == str(digest)
        assert answer.header("content-length") is None
    for value in ("", '"x"', f'"{digest}x"', str(digest)[:-1], digest.hex):
        assert (await town.doors.ask(method, path, if_none_match=value)).status == 200, value


async def test_a_condition_does_not_open_what_is_closed(town: Town) -> None:
    path = f"/v2/{await town.build(Visibility.PRIVATE)}/manifests/v1"
    answer = await town.doors.ask("GET", path, if_none_match="*")
    assert answer.status == 401


def version_of(answer: Answer) -> str | None:
    """The API's version, which old clients look for."""
    return answer.header("docker-distribution-api-version")


async def test_every_answer_of_the_distribution_api_says_its_version(town: Town) -> None:
    name = await town.build(Visibility.PUBLIC)
    for target in ("/v2/", f"/v2/{name}/tags/list", "/v2/nothing", "/v2/a/b/manifests/v1"):
        assert version_of(await town.doors.ask("GET", target)) == "registry/2.0"
    assert version_of(await town.doors.ask("GET", "/")) is None


async def test_the_bytes_of_a_manifest_come_back_with_their_type(open_doors: Open) -> None:
    doors = open_doors(open=True)
    spaced = INDEX.replace(b",", b" ,\n ")
    put = await doors.ask("PUT", "/v2/a/b/manifests/spaced", spaced, content_type=OCI_INDEX)
    assert put.status == 201
    location = put.header("location")
    assert location == f"/v2/a/b/manifests/{Digest.of(spaced)}"
    for target in (location, "/v2/a/b/manifests/spaced"):
        for accept in ("*/*", "text/html", ""):
            answer = await doors.ask("GET", target, accept=accept)
            assert (answer.status, answer.body) == (200, spaced)
            assert answer.header("content-type") == OCI_INDEX


async def test_templates_are_compiled_where_nobody_waits(
    town: Town, monkeypatch: pytest.MonkeyPatch
) -> None:
    threads: list[threading.Thread] = []
    compile_all = render._compile

    def note(language: str, names: list[str]) -> None:
        threads.append(threading.current_thread())
        compile_all(language, names)

    monkeypatch.setattr(render, "_compile", note)
    monkeypatch.setattr(render, "_COMPILED", set())
    for _ in range(2):
        assert (await town.doors.ask("GET", "/explore")).status == 200
    (thread,) = threads
    assert thread is not threading.main_thread()
    environment = render.environment_of("en")
    loaded = {template.name for template in environment.cache.values()}  # type: ignore[union-attr]
    assert {"search/repositories.html", "base.html", "parts.html"} <= loaded
