"""The order of Debian's versions, beside dpkg itself."""

import random
import shlex
import subprocess

import pytest
from hypothesis import given
from hypothesis import strategies as st

from entrepot.versions import deb
from entrepot.versions.keys import Unordered

_PIECES = ["1", "2", "10", "0", "00", "~", "~rc", "~~", "+deb12u", "+dfsg", "a", "b", "Z", "."]
_PIECES += ["-", "+", "git", "alpha", "9", "20230101", "c", "beta", ".0", ":"]
_PAIRS = 300


def _version(chance: random.Random) -> str:
    epoch = f"{chance.randint(0, 2)}:" if chance.random() < 0.2 else ""
    body = "".join(chance.choice(_PIECES) for _ in range(chance.randint(0, 6)))
    revision = f"-{chance.choice(_PIECES)}" if chance.random() < 0.3 else ""
    return f"{epoch}{chance.randint(0, 11)}{body}{revision}"


_COMPARE = """
compare() {
    for word in lt:'<' eq:= gt:'>'; do
        dpkg --compare-versions "$1" "${word%%:*}" "$2" 2>"$MESSAGES" || continue
        echo "${word#*:}$(grep -q 'bad syntax' "$MESSAGES" && echo '!')"
        return
    done
    echo '?'
}
MESSAGES=$(mktemp)
trap 'rm "$MESSAGES"' EXIT
"""


def _told_by_dpkg(pairs: list[tuple[str, str]]) -> list[str]:
    """`<`, `=` or `>` for each pair; `?` where dpkg refuses one, `!` after it where it warns."""
    calls = [f"compare {shlex.quote(one)} {shlex.quote(other)}" for one, other in pairs]
    script = _COMPARE + "\n".join(calls)
    done = subprocess.run(["bash"], input=script, capture_output=True, text=True, check=True)
    return done.stdout.split()


def _told_by_keys(one: str, other: str) -> str:
    try:
        keys = deb.key(one), deb.key(other)
    except Unordered:
        return "?"
    return "<" if keys[0] < keys[1] else ">" if keys[0] > keys[1] else "="


def test_keys_are_in_the_order_of_dpkg() -> None:
    chance = random.Random(7)
    pairs = []
    for _ in range(_PAIRS):
        one = _version(chance)
        near = one + chance.choice(_PIECES)
        pairs.append((one, _version(chance) if chance.random() < 0.4 else near))
    for pair, expected in zip(pairs, _told_by_dpkg(pairs), strict=True):
        told = _told_by_keys(*pair)
        # What dpkg warns of and orders nevertheless may have no key, but never another order.
        assert told == expected.removesuffix("!") or (told == "?" and "!" in expected), pair


@pytest.mark.parametrize(
    "ordered",
    [
        ["1.0~~", "1.0~~a", "1.0~", "1.0", "1.0a"],
        ["1.0~rc1-1", "1.0-1~bpo12+1", "1.0-1", "1.0-1+deb12u1", "1.0-1+deb12u10", "1.0-2"],
        ["9.9", "1:0.1", "2:0"],
        ["2.36-9", "2.36-9+deb12u10", "2.37-1"],
    ],
)
def test_versions_are_in_the_order_of_the_distribution(ordered: list[str]) -> None:
    shuffled = random.Random(7).sample(ordered, len(ordered))
    assert sorted(shuffled, key=deb.key) == ordered


def test_no_revision_is_the_revision_zero() -> None:
    assert deb.key("1.0") == deb.key("1.0-0") == deb.key("0:1.0")


@pytest.mark.parametrize("text", ["", "-1", "1.0-", ":1", "x:1", "1 0", "1_0", "é1", "9" * 400])
def test_what_is_no_version_has_no_key(text: str) -> None:
    with pytest.raises(Unordered):
        deb.key(text)


@given(st.text(alphabet="0123456789abcZ.+~:-_ é\n"))
def test_any_text_has_a_key_or_is_refused(text: str) -> None:
    try:
        assert deb.key(text)
    except Unordered:
        return
