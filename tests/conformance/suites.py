"""The conformance suite of the distribution specification, run whole and read strictly.

The suite calls a registry conformant that skips half of it, ends with 0 when its configuration
cannot be read, and reports a skipped test as passed in the summary. So nothing of what it says is
believed but the reports, and those only when they are of this run.
"""

import os
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree

from tests.support.server import Hub
from tests.support.tools import run, tool

_COUNTERS = ("failures", "errors", "skipped", "disabled")


@dataclass(frozen=True, slots=True)
class Login:
    """What the suite says about itself; empty for nobody."""

    username: str = ""
    password: str = ""


@dataclass(frozen=True, slots=True)
class Report:
    """What the suite wrote down."""

    config: dict[str, str]
    tests: int
    not_passed: int
    counters: dict[str, int]
    apis: dict[str, str]
    data: dict[str, str]

    @property
    def exceptions(self) -> dict[str, str]:
        """Every API and data set whose status is not `Pass`."""
        return {name: said for name, said in (self.apis | self.data).items() if said != "Pass"}


def examine(hub: Hub, version: str, login: Login, place: Path, *, sparse: bool = False) -> Report:
    """Run the suite on two repositories of their own; the report must be of this run."""
    results = place / "results"
    stem = f"docker/{place.name.replace('_', '-').lower()}"
    said = {
        "OCI_VERSION": version,
        "OCI_REGISTRY": hub.host,
        "OCI_TLS": "enabled" if hub.tls else "disabled",
        "OCI_REPO1": f"{stem}/one",
        "OCI_REPO2": f"{stem}/two",
        "OCI_RESULTS_DIR": str(results),
        "OCI_LOG": "warn",
        "OCI_DATA_SPARSE": "true" if sparse else "false",
    }
    if login.username:
        said |= {"OCI_USERNAME": login.username, "OCI_PASSWORD": login.password}
    trust = {"SSL_CERT_FILE": str(hub.ca)} if hub.ca else {}
    env = {"PATH": os.environ["PATH"], "HOME": str(place)} | trust | said
    run(tool("conformance"), env=env, cwd=place, seconds=300)
    report = read(results)
    assert report.config["registry"] == hub.host
    assert report.config["version"].strip('"') == version
    assert report.config["repo1"] == said["OCI_REPO1"]
    return report


def read(results: Path) -> Report:
    """The report in a directory that held nothing before the run; every file must be there."""
    assert (results / "report.html").stat().st_size > 0
    sections = _sections((results / "results.yaml").read_text())
    root = ElementTree.parse(results / "junit.xml").getroot()  # noqa: S314 - written a moment ago
    counters = {name: int(root.get(name, "0")) for name in _COUNTERS}
    tests = int(root.get("tests", "0"))
    odd = sum(case.get("status") != "passed" for case in root.iter("testcase"))
    return Report(sections["config"], tests, odd, counters, sections["apis"], sections["data"])


def _sections(text: str) -> dict[str, dict[str, str]]:
    """The parts of the summary, each with its entries of the first level."""
    sections: dict[str, dict[str, str]] = {}
    current: dict[str, str] = {}
    for line in text.splitlines():
        name, _, value = line.partition(":")
        if not line.startswith(" "):
            current = sections.setdefault(name, {})
        elif line[:3].strip():
            current[name.strip()] = value.strip()
    return sections
