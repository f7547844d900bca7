"""Challenges of registries, as they are written and as they should not be."""

import pytest

from entrepot.upstream.challenges import Challenge, choose_challenge, parse_challenges


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        (
            ['Bearer realm="https://auth.test/token",service="reg",scope="repository:a/b:pull"'],
            [Challenge("bearer", "https://auth.test/token", "reg", "repository:a/b:pull")],
        ),
        (
            ['Bearer realm="https://a.test/t" , service=reg, scope="repository:a:pull,push"'],
            [Challenge("bearer", "https://a.test/t", "reg", "repository:a:pull,push")],
        ),
        (
            ['Basic realm="x, y", Bearer realm="https://a.test/t"'],
            [Challenge("basic", "x, y"), Challenge("bearer", "https://a.test/t")],
        ),
        (['Basic realm="a \\"quoted\\" word"'], [Challenge("basic", 'a "quoted" word')]),
        (["Negotiate", "Basic"], [Challenge("negotiate"), Challenge("basic")]),
        (["", "=", '"', "Bearer realm="], [Challenge("bearer")]),
    ],
)
def test_challenges_are_read(values: list[str], expected: list[Challenge]) -> None:
    assert parse_challenges(values) == expected


def test_a_token_is_preferred_to_a_password() -> None:
    values = ['Basic realm="x"', 'Bearer realm="https://a.test/t"']
    assert choose_challenge(values) == Challenge("bearer", "https://a.test/t")
    assert choose_challenge(['Basic realm="x"']) == Challenge("basic", "x")
    assert choose_challenge(["Digest realm=x"]) is None


def test_a_long_challenge_costs_little() -> None:
    assert len(parse_challenges(["a " * 100_000])) < 10_000
