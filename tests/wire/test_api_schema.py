"""What the API says of itself, tried with requests made from it: by nobody, a user, the operator.

The user may do much in one organization, whose names are given there: made up ones lead nowhere.
"""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.wire.content import image
from tests.wire.hubs import Hub, serving

pytestmark = pytest.mark.wire

PROGRAM = Path(sys.executable).with_name("schemathesis")
# No schema can say what is a public key or an ID token, when an exemption may end, which URL leads
# to the internet at large, nor that a rule names what it wants or what it does not.
TAKES_MORE = (
    "trust_key",
    "try_token",
    "add_exemption",
    "preview_pull_policy",
    "set_namespace_pull_policy",
    "set_repository_pull_policy",
    "create_repository_webhook",
    "change_repository_webhook",
    "create_namespace_webhook",
    "change_namespace_webhook",
)
SETTINGS = "".join(
    f"""
[[operations]]
include-operation-id = "{each}"
checks.positive_data_acceptance.enabled = false
"""
    for each in TAKES_MORE
)
AT_HOME = """
[parameters]
"path.repository" = "docker/demo"
"path.namespace" = "docker"
"path.reference" = "latest"
"path.team" = "crew"
"path.member" = "hubuser"
"""
ENDS_IT = ("delete_repository", "move_repository", "delete_manifest", "delete_tag", "delete_team")


@pytest.fixture
def stocked(tmp_path: Path) -> Iterator[Hub]:
    """A hub of its own, for wrong credentials are counted; an account, an image, a team in it."""
    with serving(tmp_path / "data") as hub:
        user = hub.newcomer("hubuser")
        hub.cli("org", "add", "docker", "--owner", "hubuser")
        repository = user.repository("docker/demo")
        repository.lay()
        repository.tag("latest", image())
        yield hub
    assert "Traceback" not in hub.log.read_text()


def conforms(hub: Hub, settings: str, *words: str, token: str = "") -> None:
    """Let schemathesis look for answers that the document does not promise."""
    config = hub.data.with_name("schemathesis.toml")
    config.write_text(settings)
    address = f"http://127.0.0.1:{hub.client.port}/api/v1/openapi.json"
    header = ("-H", f"Authorization: Bearer {token}") if token else ()
    done = subprocess.run(
        [
            *(PROGRAM, "--config-file", config, "run", address, *header, *words),
            # One worker: in threads, Python 3.11 cannot always parse what Hypothesis looks up.
            *("--seed", "1", "--max-examples", "2", "--workers", "1"),
            *("--warnings", "off", "--no-color", "--no-shrink", "--continue-on-failure"),
            # What Unicode calls printable no pattern can say: beyond this the rules decide.
            *("--generation-database", "none", "--generation-codec", "latin-1"),
        ],
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
        cwd=hub.data.parent,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_nobody_and_a_user_get_what_the_document_says(stocked: Hub) -> None:
    token, _ = stocked.add_token("hubuser", "repo:admin")
    conforms(stocked, SETTINGS, "--phases", "fuzzing")
    # What administrators alone may is not there for this user: one answer for all of it.
    theirs = ("--exclude-path-regex", "/admin/")
    conforms(stocked, SETTINGS, "--phases", "coverage", *theirs, token=token)


def test_an_owner_gets_what_the_document_says_at_home(stocked: Hub) -> None:
    token, _ = stocked.add_token("hubuser", "repo:admin")
    kept = [word for each in ENDS_IT for word in ("--exclude-operation-id", each)]
    paths = ("--include-path-regex", "namespaces|repositories", *kept)
    phases = ("--phases", "examples,coverage,fuzzing", "--mode", "positive")
    conforms(stocked, SETTINGS + AT_HOME, *paths, *phases, token=token)


def test_an_administrator_gets_what_the_document_says(stocked: Hub) -> None:
    token, _ = stocked.add_token("admin", "repo:admin")
    phases = ("--phases", "examples,coverage,fuzzing")
    conforms(stocked, SETTINGS, "--include-path-regex", "/admin/|/me", *phases, token=token)
