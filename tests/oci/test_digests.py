"""Digests: two algorithms, lower-case hexadecimal, and the fallback tag made of them."""

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from entrepot.errors import InvalidDigest
from entrepot.oci.digests import (
    ALGORITHMS,
    EMPTY_JSON_DIGEST,
    Digest,
    fallback_tag,
    new_hasher,
)
from entrepot.oci.names import Tag

HEX = "0123456789abcdef" * 4
BAD = [
    *("", ":", "sha256", "sha256:", f":{HEX}", HEX, f"sha256:{HEX[:-1]}", f"sha256:{HEX}0"),
    *(f"sha256:{HEX.upper()}", f"SHA256:{HEX}", f"sha512:{HEX}", f"sha256:{HEX * 2}"),
    *(f"sha256:{HEX}\n", f" sha256:{HEX}", f"sha256: {HEX[1:]}", f"sha256:{HEX[:-1]}g"),
    *(f"sha384:{HEX}{HEX[:32]}", f"md5:{HEX[:32]}", f"sha256+b64:{HEX}", f"sha256:{HEX}:x"),
    *(f"sha256:{HEX[:-1]}é", f"sha256:{HEX[:-1]}٣", f"sha256::{HEX[1:]}", f"blake3:{HEX}"),
    *(f"sha256:{HEX[:-2]}\0\0", f"sha256:../{HEX[3:]}", f"sha256/{HEX}"),
]


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_a_digest_reads_as_it_writes(algorithm: str) -> None:
    digest = Digest.of(b"content", algorithm)
    assert Digest.parse(str(digest)) == digest
    assert str(digest) == f"{algorithm}:{hashlib.new(algorithm, b'content').hexdigest()}"


@pytest.mark.parametrize("text", BAD)
def test_anything_else_is_no_digest(text: str) -> None:
    with pytest.raises(InvalidDigest):
        Digest.parse(text)


@pytest.mark.parametrize(
    "algorithm", ["", "md5", "sha1", "sha384", "SHA256", "shake_128", "blake2b"]
)
def test_there_are_no_other_algorithms(algorithm: str) -> None:
    with pytest.raises(InvalidDigest):
        new_hasher(algorithm)
    with pytest.raises(InvalidDigest):
        Digest.of(b"", algorithm)


def test_a_refused_digest_is_not_repeated_at_any_length() -> None:
    with pytest.raises(InvalidDigest) as caught:
        Digest.parse("x" * 1_000_000)
    assert len(repr(caught.value.detail)) < 300


def test_the_empty_descriptor_has_the_digest_that_the_specification_gives_it() -> None:
    known = "sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a"
    assert str(EMPTY_JSON_DIGEST) == known


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_the_fallback_tag_is_a_tag(algorithm: str) -> None:
    digest = Digest.of(b"subject", algorithm)
    tag = Tag(fallback_tag(digest)).text
    assert tag == f"{algorithm}-{digest.hex[:64]}"


@given(st.binary(), st.binary(), st.sampled_from(list(ALGORITHMS)))
def test_a_hasher_goes_on_where_its_copy_stood(first: bytes, rest: bytes, algorithm: str) -> None:
    hasher = new_hasher(algorithm)
    hasher.update(first)
    copy = hasher.copy()
    hasher.update(memoryview(b"something else"))
    copy.update(memoryview(rest))
    assert copy.hexdigest() == Digest.of(first + rest, algorithm).hex


@given(st.text(max_size=140))
def test_no_text_does_more_than_be_refused(text: str) -> None:
    try:
        digest = Digest.parse(text)
    except InvalidDigest:
        return
    assert str(digest) == text
