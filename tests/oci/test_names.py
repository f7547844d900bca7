"""Names, tags and references: what the distribution specification allows, and nothing else."""

import re
import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from entrepot.errors import InvalidDigest, InvalidName, InvalidTag
from entrepot.oci.digests import Digest
from entrepot.oci.names import MAX_NAME, RepositoryName, Tag, parse_reference

GOOD_NAMES = [
    *("a", "0", "ab", "a0", "a.b", "a_b", "a__b", "a-b", "a--b", "a---b", "a/b", "a/b/c/d/e/f"),
    *("library/alpine", "x86_64/linux-gnu", "a.b_c-d__e/0.1.2", "a" * 255, "/".join("a" * 128)),
    *("blobs/uploads", "tags/list", "v2", "v2/manifests", "0/0", "sha256"),
]
BAD_NAMES = [
    *("", "A", "aB", "é", "a b", "a\n", "a\0", " a", "a ", "-a", "a-", ".a", "a.", "_a", "a_"),
    *("a..b", "a___b", "a._b", "a.-b", "a-.b", "a_-b", "/", "/a", "a/", "a//b", "a/-b", "a/b-"),
    *("a:b", "a@b", "a+b", "a%b", "a\\b", "../a", "a/../b", "a/.", "*", "_catalog", "a" * 256),
    *("/".join("a" * 129), "\uff41", "\u0430", "a\u200b", "a\r", "\u0661"),
]
GOOD_TAGS = ["a", "A", "_", "0", "latest", "v1.0.0", "1.0_a-b", "__", "a.", "a-", "x" * 128, "_._"]
BAD_TAGS = [
    *("", ".", "-", ".a", "-a", "a/b", "a b", "a+b", "a:b", "a@b", "é", "a\n", "a\0", "x" * 129),
    *("café", " a", "a ", "*", "a%41", "\uff41", "v1\r", "\u0661"),
]


@pytest.mark.parametrize("text", GOOD_NAMES)
def test_a_good_name_is_a_name(text: str) -> None:
    assert RepositoryName(text).text == str(RepositoryName(text)) == text


@pytest.mark.parametrize("text", BAD_NAMES)
def test_a_bad_name_is_none(text: str) -> None:
    with pytest.raises(InvalidName):
        RepositoryName(text)


@pytest.mark.parametrize("text", GOOD_TAGS)
def test_a_good_tag_is_a_tag(text: str) -> None:
    assert Tag(text).text == str(Tag(text)) == text


@pytest.mark.parametrize("text", BAD_TAGS)
def test_a_bad_tag_is_none(text: str) -> None:
    with pytest.raises(InvalidTag):
        Tag(text)


@pytest.mark.parametrize(
    ("name", "namespace"), [("a", None), ("a/b", "a"), ("a/b/c", "a"), ("a.b/c", "a.b")]
)
def test_the_namespace_is_the_first_of_several_components(name: str, namespace: str) -> None:
    assert RepositoryName(name).namespace == namespace


def test_what_holds_a_colon_is_a_digest_and_the_rest_are_tags() -> None:
    digest = Digest.of(b"")
    assert parse_reference(str(digest)) == digest
    assert parse_reference(digest.hex) == Tag(digest.hex)
    for text in ("sha256:abc", ":", "a:b", f"{digest}\n", f" {digest}"):
        with pytest.raises(InvalidDigest):
            parse_reference(text)
    with pytest.raises(InvalidTag):
        parse_reference("")


@pytest.mark.parametrize("text", ["a" * 10_000_000, "a-" * 1_000_000, "a/" * 1_000_000 + "!"])
def test_an_endless_name_is_refused_without_much_work(text: str) -> None:
    with pytest.raises(InvalidName):
        RepositoryName(text)


@given(st.text(alphabet=string.ascii_lowercase + string.digits + "._-/A", max_size=20))
def test_names_are_those_of_the_specification(text: str) -> None:
    pattern = r"[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*(\/[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*)*"
    allowed = re.fullmatch(pattern, text) is not None and len(text) <= MAX_NAME
    try:
        RepositoryName(text)
    except InvalidName:
        assert not allowed
    else:
        assert allowed


@given(st.text(max_size=130))
def test_tags_are_those_of_the_specification(text: str) -> None:
    allowed = re.fullmatch(r"[a-zA-Z0-9_][a-zA-Z0-9._-]{0,127}", text) is not None
    try:
        Tag(text)
    except InvalidTag:
        assert not allowed
    else:
        assert allowed


@given(st.text())
def test_a_name_that_exists_can_be_part_of_a_path(text: str) -> None:
    try:
        name = RepositoryName(text).text
    except InvalidName:
        return
    assert name.isascii()
    assert not set(name) & set("?#%\\ \n\"'<>")
    assert ".." not in name
