"""Tags that attach something to a digest."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from entrepot.kinds.recognition.attachments import attached_to, is_hidden_tag

HEX = "0123456789abcdef" * 4
_SUFFIXES = ["", ".sig", ".att", ".sbom", ".image-locations.imgpkg"]


@pytest.mark.parametrize("suffix", _SUFFIXES)
@pytest.mark.parametrize("algorithm", ["sha256", "sha384", "sha512"])
@pytest.mark.parametrize("prefix", ["", "demo", "my-team_"])
def test_a_tag_that_attaches_says_to_what(prefix: str, algorithm: str, suffix: str) -> None:
    tag = f"{prefix}{algorithm}-{HEX}{suffix}"
    assert attached_to(tag) == f"{algorithm}:{HEX}"
    assert is_hidden_tag(tag)


@pytest.mark.parametrize(
    "tag",
    [
        "latest",
        "1.0.0",
        f"sha256-{HEX[:-1]}",
        f"sha256-{HEX}0",
        f"sha256-{HEX}.sig2",
        f"sha256-{HEX}.sig.att",
        f"sha256-{HEX.upper()}",
        f"md5-{HEX}",
        f"sha-{HEX}",
        "sha256",
        "sig",
        "",
    ],
)
def test_a_tag_that_people_gave_is_shown(tag: str) -> None:
    assert attached_to(tag) is None
    assert not is_hidden_tag(tag)


def test_a_repository_s_own_metadata_is_attached_to_nothing_but_hidden() -> None:
    assert attached_to("artifacthub.io") is None
    assert is_hidden_tag("artifacthub.io")


@given(st.text(max_size=200))
def test_any_text_is_attached_or_not(tag: str) -> None:
    found = attached_to(tag)
    assert found is None or found.replace(":", "-") in tag
