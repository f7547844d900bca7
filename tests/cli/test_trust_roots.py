"""Trust roots by commands."""

from pathlib import Path

import pytest

from tests.cli.conftest import Run
from tests.cli.test_commands import said, told
from tests.extract.makers import certificate, key_for
from tests.support.private_sigstore import PrivateSigstore
from tests.support.sigstore_parts import pem


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """The root of a private sigstore."""
    place = tmp_path / "Ours.json"
    place.write_text(PrivateSigstore().trusted_root())
    return place


def test_the_public_root_is_shipped_removed_and_added_again(run: Run, alice: str) -> None:
    table = said(run("trust-root", "list")).splitlines()
    assert table[1].split()[:3] == ["public-good", "sigstore", "shipped"]
    assert said(run("trust-root", "remove", "public-good")) == "Removed trust root public-good.\n"
    assert said(run("trust-root", "list")) == "The hub trusts no root.\n"
    assert run("trust-root", "remove", "public-good").exit_code == 1
    added = said(run("trust-root", "add", "public-good"))
    assert added.startswith("Added trust root public-good (sigstore, until 20")
    shown = said(run("trust-root", "show", "public-good"))
    assert "https://fulcio.sigstore.dev" in shown
    assert "https://rekor.sigstore.dev" in shown


def test_a_private_root_is_added_shown_and_removed(run: Run, alice: str, file: Path) -> None:
    assert said(run("trust-root", "add", str(file))).startswith("Added trust root ours (sigstore")
    again = run("trust-root", "add", str(file))
    assert (again.exit_code, "there is a trust root ours already" in again.stderr) == (1, True)
    document = told(run("trust-root", "show", "ours", "--json"))
    assert isinstance(document, dict)
    assert [each["what"] for each in document["parts"]] == [
        "certificate authority",
        "log",
        "certificate log",
    ]
    assert document["parts"][1]["until"] is None
    assert told(run("trust-root", "remove", "ours", "--json")) == {"removed": "ours"}


def test_certificates_are_a_root_for_notation(run: Run, alice: str, tmp_path: Path) -> None:
    place = tmp_path / "ca.pem"
    place.write_bytes(pem(certificate(key_for("ES256"))))
    made = told(run("trust-root", "add", str(place), "--name", "acme-ca", "--json"))
    assert isinstance(made, dict)
    assert (made["name"], made["kind"], made["source"]) == ("acme-ca", "x509", "uploaded")
    assert made["expires_at"] == "2027-01-01T00:00:00+00:00"


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ("{}", "neither a sigstore trusted_root.json nor certificates"),
        ("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", "cannot be read"),
        (PrivateSigstore().trusted_root(ctlogs=[]), "it has no certificate log (ctlogs)"),
        (PrivateSigstore().trusted_root(tlogs=[{}]), "the key of a log cannot be read"),
        ("x" * 300_000, "at most 256 KiB"),
    ],
)
def test_what_is_no_root_is_refused(
    run: Run, alice: str, tmp_path: Path, content: str, reason: str
) -> None:
    place = tmp_path / "root.json"
    place.write_text(content)
    result = run("trust-root", "add", str(place))
    assert (result.exit_code, reason in result.stderr) == (1, True), result.stderr
    assert result.stderr.count("\n") == 1


def test_a_file_that_is_not_there_and_a_bad_name_are_refused(
    run: Run, alice: str, file: Path
) -> None:
    missing = run("trust-root", "add", "nowhere.json")
    assert (missing.exit_code, missing.stderr) == (1, "entrepot: no such file: nowhere.json\n")
    assert run("trust-root", "add", str(file), "--name", "A b").exit_code == 1
