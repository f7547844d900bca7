"""Secrets: recognisable, with a checksum that notices typing errors."""

import string

import pytest

from entrepot.hub.identity.secrets import HINT_LENGTH, hash_secret, looks_like_secret, new_secret
from entrepot.model.people.tokens import TokenKind


@pytest.mark.parametrize("kind", TokenKind)
def test_a_new_secret_looks_like_one(kind: TokenKind) -> None:
    secrets = {new_secret(kind) for _ in range(50)}
    assert len(secrets) == 50
    assert all(looks_like_secret(secret) for secret in secrets)
    assert {len(secret) for secret in secrets} == {43}


def test_the_prefix_says_what_a_secret_is() -> None:
    assert new_secret(TokenKind.PERSONAL).startswith("etp_pat")
    assert new_secret(TokenKind.REFRESH).startswith("etp_rft")


@pytest.mark.parametrize("kind", TokenKind)
def test_every_typing_error_is_noticed(kind: TokenKind) -> None:
    secret = new_secret(kind)
    for place, character in enumerate(secret):
        for other in {"0", "a", "Z"} - {character}:
            assert not looks_like_secret(secret[:place] + other + secret[place + 1 :])
        assert not looks_like_secret(secret[:place] + secret[place + 1 :])


@pytest.mark.parametrize("text", ["", "password", "etp_pat", "etp_pat" + "0" * 36, "é" * 43])
def test_other_texts_do_not_look_like_secrets(text: str) -> None:
    assert not looks_like_secret(text)


def test_a_line_end_does_not_belong_to_a_secret() -> None:
    assert not looks_like_secret(new_secret(TokenKind.PERSONAL) + "\n")


def test_the_hash_and_the_hint_give_no_secret_away() -> None:
    secret = new_secret(TokenKind.PERSONAL)
    hashed = hash_secret(secret)
    assert len(hashed) == 64
    assert set(hashed) <= set(string.hexdigits)
    assert secret[7:] not in hashed
    assert len("etp_pat") + 5 >= HINT_LENGTH
