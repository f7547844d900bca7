"""Thousands of manifests that are nearly right: each is kept exactly or refused entirely."""

import copy
import json
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.wire.content import (
    DOCKER_IMAGE,
    DOCKER_INDEX,
    EMPTY,
    IMAGE,
    INDEX,
    NOWHERE,
    descriptor,
    digest_of,
    image,
    index,
)
from tests.wire.lines import Line
from tests.wire.repositories import Repository

pytestmark = pytest.mark.wire

REPEATABLE = settings(
    derandomize=True,
    deadline=None,
    database=None,
    suppress_health_check=list(HealthCheck),
)

FULL = image(
    b"layer",
    artifactType="application/vnd.example",
    annotations={"a": "b"},
    subject=descriptor(b"subject", IMAGE),
    layers=[descriptor(b"layer", urls=["https://a.example"], data="bGF5ZXI=", annotations={})],
)
SEEDS = [
    FULL,
    image(),
    index(),
    index(descriptor(image(), IMAGE, platform={"os": "linux", "architecture": "amd64"})),
]
TYPES = st.sampled_from([IMAGE, INDEX, DOCKER_IMAGE, DOCKER_INDEX, "application/json", ""])
KEYS = st.sampled_from(
    [
        "mediaType",
        "digest",
        "size",
        "config",
        "layers",
        "manifests",
        "subject",
        "urls",
        "annotations",
        "schemaVersion",
        "artifactType",
        "data",
        "platform",
        "",
        "x",
        "Config",
    ]
)
ODD = st.sampled_from(
    [
        None,
        True,
        False,
        0,
        -1,
        1,
        2,
        2**31,
        2**63,
        2**64,
        -(2**63),
        1.5,
        1e308,
        10**300,
        "",
        "x",
        "\x00",
        "�",
        "\U0010ffff",
        "../..",
        NOWHERE,
        digest_of(EMPTY),
        IMAGE,
        INDEX,
        "sha256:",
        "sha512:" + "0" * 128,
        "sha256:" + "A" * 64,
        "e30=",
        "not base64!",
        [],
        {},
        [[]],
        [{}],
        {"": ""},
        [None],
        {"mediaType": IMAGE},
        json.loads(FULL),
    ]
)
VALUES = st.one_of(
    ODD,
    st.recursive(
        st.one_of(st.none(), st.booleans(), st.integers(), st.text(max_size=8)),
        lambda inner: st.one_of(
            st.lists(inner, max_size=3), st.dictionaries(KEYS, inner, max_size=3)
        ),
        max_leaves=6,
    ),
)


def places(value: object) -> Iterator[tuple[object, object]]:
    """Every container in a JSON value with every key or position in it."""
    if isinstance(value, dict):
        children = list(value.items())
    elif isinstance(value, list):
        children = list(enumerate(value))
    else:
        return
    for key, child in children:
        yield value, key
        yield from places(child)


@st.composite
def changed(draw: st.DrawFn) -> bytes:
    """A manifest of which a few values were replaced, added or taken away."""
    value = copy.deepcopy(json.loads(draw(st.sampled_from(SEEDS))))
    for _ in range(draw(st.integers(1, 3))):
        found = list(places(value))
        if not found:
            break
        container, key = found[draw(st.integers(0, len(found) - 1))]
        what = draw(st.sampled_from(["replace", "remove", "add"]))
        if what == "replace":
            container[key] = copy.deepcopy(draw(VALUES))  # type: ignore[index]
        elif what == "remove":
            del container[key]  # type: ignore[attr-defined]
        elif isinstance(container, dict):
            container[draw(KEYS)] = copy.deepcopy(draw(VALUES))
    return json.dumps(value, ensure_ascii=draw(st.booleans())).encode(errors="surrogatepass")


@st.composite
def damaged(draw: st.DrawFn) -> bytes:
    """A manifest of which a few bytes were changed, taken out, repeated or put in."""
    data = bytearray(draw(st.sampled_from(SEEDS)))
    for _ in range(draw(st.integers(1, 4))):
        at = draw(st.integers(0, len(data)))
        what = draw(st.sampled_from(["flip", "cut", "insert", "repeat"]))
        if what == "flip" and at < len(data):
            data[at] ^= 1 << draw(st.integers(0, 7))
        elif what == "cut":
            del data[at : at + draw(st.integers(1, 40))]
        elif what == "insert":
            data[at:at] = draw(st.binary(min_size=1, max_size=6))
        else:
            data[at:at] = data[at : at + draw(st.integers(1, 40))]
    return bytes(data)


@pytest.fixture(scope="module")
def line() -> Iterator[list[Line]]:
    """The connection of this module, once there is one."""
    lines: list[Line] = []
    yield lines
    for line in lines:
        line.close()


def assert_kept_or_refused(line: Line, repo: Repository, body: bytes, media_type: str) -> None:
    digest = digest_of(body)
    headers = {"Content-Type": media_type} if media_type else {}
    answer = line.ask("PUT", repo.manifest(digest), body, headers)
    read = line.ask("GET", repo.manifest(digest))
    if answer.expect(201, 400).status == 201:
        assert read.expect(200).body == body
        assert read.headers["Docker-Content-Digest"] == digest
        line.ask("DELETE", repo.manifest(digest)).expect(202)
    else:
        assert answer.codes
        read.expect(404)


def one(lines: list[Line], repo: Repository) -> Line:
    if not lines:
        lines.append(Line(repo.client))
    return lines[0]


@pytest.fixture
def fuzzed(repo: Repository) -> Repository:
    repo.lay(b"layer", b"subject")
    repo.tag("anchor", image())
    return repo


@settings(REPEATABLE, max_examples=3000)
@given(body=changed(), media_type=TYPES)
def test_a_changed_manifest_is_kept_or_refused(
    fuzzed: Repository, line: list[Line], body: bytes, media_type: str
) -> None:
    assert_kept_or_refused(one(line, fuzzed), fuzzed, body, media_type)


@settings(REPEATABLE, max_examples=3000)
@given(body=damaged(), media_type=TYPES)
def test_a_damaged_manifest_is_kept_or_refused(
    fuzzed: Repository, line: list[Line], body: bytes, media_type: str
) -> None:
    assert_kept_or_refused(one(line, fuzzed), fuzzed, body, media_type)
