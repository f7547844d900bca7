"""The orders of versions of every ecosystem, beside those of other implementations."""

import random
from collections.abc import Callable
from itertools import pairwise, product
from typing import Any, Final

import pytest
from hypothesis import given
from hypothesis import strategies as st
from univers import versions as univers

from entrepot.versions import apk, composer, ecosystems, gem, maven, nuget, rpm
from entrepot.versions.ecosystems import EVERYTHING, LEAST, MOST
from entrepot.versions.keys import Unordered

PAIRS: Final = 1500
Key = Callable[[str], bytes]


def _rpm(chance: random.Random) -> str:
    pieces = [
        "1",
        "2",
        "10",
        "0",
        "~",
        "^",
        "~rc1",
        "^git1",
        ".",
        "_",
        "a",
        "b",
        "el9",
        "+",
        "beta",
    ]
    epoch = f"{chance.randint(0, 2)}:" if chance.random() < 0.2 else ""
    body = "".join(chance.choice(pieces) for _ in range(chance.randint(0, 5)))
    release = "".join(chance.choice(pieces) for _ in range(chance.randint(0, 3)))
    return f"{epoch}{chance.randint(0, 11)}{body}-{chance.randint(0, 9)}{release}"


def _maven(chance: random.Random) -> str:
    # Without `-0.1` and `.RELEASE`: univers compares the first of a list only, and no such word.
    pieces = [".1", ".0", "-1", "-alpha", "-beta2", "-SNAPSHOT", "-rc1"]
    pieces += ["-sp", "-foo", ".2", "-M1", "10", "-jre8"]
    return f"{chance.randint(0, 11)}" + "".join(chance.choices(pieces, k=chance.randint(0, 3)))


def _gem(chance: random.Random) -> str:
    pieces = [".1", ".0", ".10", ".a", ".rc1", ".pre", ".b2", ".00", ".2"]
    return f"{chance.randint(0, 11)}" + "".join(chance.choices(pieces, k=chance.randint(0, 5)))


def _nuget(chance: random.Random) -> str:
    numbers = ".".join(str(chance.randint(0, 3)) for _ in range(chance.randint(1, 4)))
    labels = chance.choices(["alpha", "Beta", "1", "10", "rc", "x-y"], k=chance.randint(1, 3))
    return numbers + ("-" + ".".join(labels) if chance.random() < 0.5 else "")


def _composer(chance: random.Random) -> str:
    # Three numbers and no `RC`: univers takes no notice of a fourth, and compares letters as such.
    numbers = ".".join(str(chance.randint(0, 3)) for _ in range(3))
    return numbers + chance.choice(["", "", "-alpha", "-beta2", "-beta9", "-alpha3"])


@pytest.mark.parametrize(
    ("version", "near", "key", "oracle"),
    [
        (_rpm, ["~", "^", "a", "1", ".1", "+"], rpm.key, univers.RpmVersion),
        (_maven, ["-rc1", ".0", "-1", ".1"], maven.key, univers.MavenVersion),
        (_gem, [".0", ".a", "1", ".1"], gem.key, univers.RubygemsVersion),
        (_nuget, ["", "1"], nuget.key, univers.NugetVersion),
        (_composer, ["", "1"], composer.key, univers.ComposerVersion),
    ],
)
def test_keys_are_in_the_order_of_another_implementation(
    version: Callable[[random.Random], str], near: list[str], key: Key, oracle: Any
) -> None:
    chance = random.Random(7)
    different = []
    for _ in range(PAIRS):
        one, other = version(chance), version(chance)
        if chance.random() < 0.5:
            other = one + chance.choice(near)
        try:
            known = oracle(one), oracle(other)
        except univers.InvalidVersion:
            continue
        expected = (known[0] > known[1]) - (known[0] < known[1])
        told = (key(one) > key(other)) - (key(one) < key(other))
        if told != expected:
            different.append((one, other, expected))
    assert different == []


@pytest.mark.parametrize(
    ("key", "ordered"),
    [
        (apk.key, ["1.0_alpha", "1.0_alpha2", "1.0_beta", "1.0_pre1", "1.0_rc1", "1.0", "1.0-r1"]),
        (apk.key, ["0.1.0_alpha_pre2", "0.1.0_alpha", "0.1.3_alpha", "1.0.4-r3", "1.0.4-r10"]),
        (apk.key, ["1.0", "1.0-r0", "1.0_cvs1", "1.0_git20230101-r0", "1.0_p1", "1.0a", "1.0.1"]),
        (apk.key, ["1.02", "1.03-r1", "1.06-r6", "1.1", "1.10", "006", "7"]),
        (apk.key, ["3.0.20060720", "021109-r3", "20060512"]),
        (apk.key, ["2.3.0b-r1", "2.3.0b-r4", "2.3.0c", "2.3.1"]),
        (apk.key, ["1.0.0_pre20191002222144-r0", "1.0.0_pre20210530193627-r0", "1.0.0"]),
        (rpm.key, ["1.0~rc1-1", "1.0-1.el9", "1.0-1.el9_2", "1.0^git1-1", "1.0.1-1", "1:0.1-1"]),
        (
            maven.key,
            ["1-alpha1", "1-beta", "1-m2", "1-rc1", "1-snapshot", "1", "1-sp", "1-x", "1-1"],
        ),
        (maven.key, ["2.0-rc1", "2.0.Final", "2.0.1", "2.10", "2.10.1.jre8"]),
        (gem.key, ["1.0.a", "1.0.b1", "1.0.rc1", "1.0", "1.0.1.pre", "1.0.1", "1.0.10"]),
        (nuget.key, ["1.0.0-alpha", "1.0.0-BETA.2", "1.0.0-beta.10", "1.0", "1.0.0.1", "1.0.1"]),
        (
            composer.key,
            ["1.0-dev", "1.0-alpha1", "1.0-beta", "1.0-RC2", "v1.0", "1.0-p1", "1.0.0.1", "1.1"],
        ),
        (
            ecosystems.go,
            ["1.21.0", "go1.22rc1", "go1.22rc2", "go1.22", "v1.22.1", "2.0.0+incompatible"],
        ),
    ],
)
def test_versions_are_in_the_order_of_their_ecosystem(key: Key, ordered: list[str]) -> None:
    shuffled = random.Random(7).sample(ordered, len(ordered))
    assert sorted(shuffled, key=key) == ordered
    assert all(key(one) < key(other) for one, other in pairwise(ordered))


@pytest.mark.parametrize(
    ("key", "same"),
    [
        (rpm.key, ["0:1.0-1", "1.0-1", "1..0-1"]),
        (maven.key, ["1", "1.0", "1-ga", "1.0.0.Final", "1.RELEASE"]),
        (gem.key, ["1", "1.0", "1.0.0"]),
        (nuget.key, ["1", "1.0", "1.0.0.0", "1.0.0+build", "V1"]),
        (composer.key, ["1.0", "v1.0.0", "1.0.0.0", "1.0-stable"]),
        (ecosystems.go, ["1.22", "v1.22.0", "go1.22"]),
    ],
)
def test_some_versions_are_equal(key: Key, same: list[str]) -> None:
    assert len({key(text) for text in same}) == 1


@pytest.mark.parametrize("ecosystem", sorted(ecosystems.ECOSYSTEMS))
def test_bounds_enclose_every_version(ecosystem: str) -> None:
    key = ecosystems.key(ecosystem, "1.2.3")
    assert LEAST < key < MOST < ecosystems.key(ecosystem, "not a version!") < EVERYTHING
    assert ecosystems.key(f"{ecosystem}:12", "1.2.3") == key
    assert ecosystems.is_ordered(key)


def test_a_version_without_an_order_is_equal_to_itself_only() -> None:
    texts = ["dev-main", "a89b", "(devel)", "1.0"]
    for one, other in product(texts, texts):
        keys = ecosystems.key("Hackage", one), ecosystems.key("Hackage", other)
        assert (keys[0] == keys[1]) == (one == other)
        assert not ecosystems.is_ordered(keys[0])


@pytest.mark.parametrize("key", [apk.key, rpm.key, maven.key, gem.key, nuget.key, composer.key])
@given(text=st.text(alphabet="0123456789abcZrp.+~^:-_ é\n"))
def test_any_text_has_a_key_or_is_refused(key: Key, text: str) -> None:
    try:
        assert key(text)
    except Unordered:
        return
