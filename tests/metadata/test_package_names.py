"""Names of packages are taken apart as people write them."""

import pytest

from entrepot.metadata.contents.package_names import base_name, other_separator


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("openssl", None),
        ("org.example:lib", "lib"),
        ("@scope/name", "name"),
        ("golang.org/x/net", "net"),
        ("github.com/gorilla/mux/v2", "mux"),
        ("v2", None),
        ("", None),
        ("/", None),
        ("a/", None),
    ],
)
def test_the_last_part_is_what_people_call_it(name: str, expected: str | None) -> None:
    assert base_name(name) == expected


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("org.example:lib", "org.example/lib"),
        ("org.example/lib", "org.example:lib"),
        ("@scope/name", "@scope/name"),
        ("golang.org/x/net", "golang.org/x/net"),
        ("plain", "plain"),
    ],
)
def test_java_is_written_both_ways(name: str, expected: str) -> None:
    assert other_separator(name) == expected
