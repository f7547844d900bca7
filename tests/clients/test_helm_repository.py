"""Helm 3 and Helm 4 use the hub as a repository of charts, as they use any with an index."""

import json
import os
import re
import shutil
import tarfile
import time
from pathlib import Path

import pytest

from tests.clients.programs import program
from tests.clients.test_helm import Helm, keyrings, stranger, write_chart
from tests.support.server import Hub

__all__ = ["keyrings", "stranger"]

pytestmark = pytest.mark.clients

MUCH = """\
appVersion: 1.10
home: https://example.test/?a=1&b=<2>
sources: [https://source.example.test, https://other.example.test]
icon: https://example.test/icon.png
keywords: [one, two]
type: application
kubeVersion: ">=1.20"
deprecated: true
annotations: {z: "1", a: 'é "quoted"', org.opencontainers.image.vendor: Acme}
maintainers:
- {name: Ann, email: ann@example.test, url: https://example.test}
- name: Bob
"""


@pytest.fixture
def publisher(stranger: Helm) -> Helm:
    """A Helm that is logged in as an OCI client, and pushes."""
    stranger.login()
    return stranger


class Shop:
    """The repository of `docker`'s charts, for one Helm."""

    def __init__(self, helm: Helm) -> None:
        self.helm = helm
        self.url = f"{helm.hub.url}/helm/docker"
        self.trust = ("--ca-file", helm.hub.ca) if helm.hub.ca else ()

    def add(self, name: str, username: str = "", password: str = "") -> None:
        """Add the repository under a name, with credentials or without."""
        words = ("--username", username, "--password-stdin") if username else ()
        self.helm.program("repo", "add", name, self.url, *words, *self.trust, stdin=password)

    def wait_for(self, chart: str, *versions: str) -> None:
        """Update until the index lists the versions: a job reads what was pushed."""
        for _ in range(100):
            time.sleep(0.2)  # who asks without a pause keeps the job waiting
            self.helm.program("repo", "update")
            found = self.helm.program("search", "repo", chart, "-l", "--devel")
            if all(version in found for version in (chart, *versions)):
                return
        raise AssertionError(f"{chart} is not in the index")


@pytest.fixture
def shop(publisher: Helm) -> Shop:
    """The repository, added with the password of its owner as `mine`."""
    shop = Shop(publisher)
    shop.add("mine", publisher.hub.username, publisher.hub.password)
    return shop


def test_a_chart_that_was_pushed_is_found_and_pulled_from_the_repository(
    shop: Shop, keyrings: tuple[Path, Path]
) -> None:
    helm, (public, secret) = shop.helm, keyrings
    name = f"found-{helm.program.path.name}"
    phrase = helm.program.directory / "passphrase"
    phrase.write_text("\n")
    signing = ("--sign", "--key", "Chart Maker", "--keyring", secret, "--passphrase-file", phrase)
    chart = helm.package(name, "0.1.0", *signing)
    helm("push", chart, helm.registry)
    for version in ("0.2.0", "0.3.0-rc.1+b.5"):
        helm("push", helm.package(name, version), helm.registry)
    shop.wait_for(name, "0.1.0", "0.2.0", "0.3.0-rc.1+b.5")
    run = helm.program
    assert "0.2.0" in run("search", "repo", f"mine/{name}")
    assert len(run("search", "repo", f"mine/{name}", "-l").strip().splitlines()) == 3
    assert len(run("search", "repo", f"mine/{name}", "-l", "--devel").strip().splitlines()) == 4

    into = helm.program.directory / "from-repository"
    into.mkdir()
    run("pull", f"mine/{name}", "--version", "0.1.0", "--prov", "-d", into)
    run("pull", f"mine/{name}", "--version", "0.1.0", "--verify", "--keyring", public, "-d", into)
    pulled = helm.pull(name, "0.1.0", "--prov")
    for file in (chart.name, f"{chart.name}.prov"):
        assert (into / file).read_bytes() == (pulled / file).read_bytes()
    run("pull", f"mine/{name}", "--version", "0.3.0-rc.1+b.5", "-d", into)

    assert "greeting: hello" in run("show", "values", f"mine/{name}")
    assert "mine-settings" in run("template", "mine", f"mine/{name}")
    place = helm.program.directory / "parent"
    needs = f"dependencies: [{{name: {name}, version: '>=0.1.0', repository: '{shop.url}'}}]\n"
    write_chart(place, "parent", "0.2.0", needs)
    run("dependency", "update", place)
    shutil.rmtree(place / "charts")
    run("dependency", "build", place)
    assert [file.name for file in (place / "charts").iterdir()] == [f"{name}-0.2.0.tgz"]


def test_credentials_decide_what_a_repository_lists(shop: Shop, hub: Hub) -> None:
    helm = shop.helm
    for name, visibility in (("public", "public"), ("secret", "private")):
        chart = f"{name}-{helm.program.path.name}"
        helm("push", helm.package(chart), helm.registry)
        hub.cli("repo", "visibility", f"docker/{chart}", visibility)
        shop.wait_for(chart)
    said = hub.cli(
        "token", "add", hub.username, "--label", "helm", "--scope", "repo:read", "--json"
    )
    token = json.loads(said)["token"]
    shop.add("by-token", hub.username, token)
    shop.add("anonymous")
    found = helm.program("search", "repo", helm.program.path.name)
    for repository in ("mine", "by-token"):
        assert f"{repository}/secret-" in found
    assert "anonymous/public-" in found
    assert "anonymous/secret-" not in found
    helm.program("pull", f"anonymous/public-{helm.program.path.name}")
    helm.program("pull", f"by-token/secret-{helm.program.path.name}")
    wrong = ("--username", hub.username, "--password", "wrong")
    said = helm.program.refused("repo", "add", "wrong", shop.url, *shop.trust, *wrong)
    assert "401" in said


def test_the_hub_answers_a_search_of_charts(shop: Shop, hub: Hub) -> None:
    helm = shop.helm
    chart = f"searched-{helm.program.path.name}"
    helm("push", helm.package(chart), helm.registry)
    hub.cli("repo", "visibility", f"docker/{chart}", "public")
    for _ in range(50):
        found = helm.program("search", "hub", chart, "--endpoint", hub.url, "--max-col-width", "0")
        if chart in found:
            break
    assert f"{hub.url}/r/docker/{chart}" in found
    assert "0.1.0" in found


@pytest.mark.parametrize("is_signed", [False, True])
def test_an_upload_is_what_helm_pushes(
    publisher: Helm, keyrings: tuple[Path, Path], *, is_signed: bool
) -> None:
    helm, hub = publisher, publisher.hub
    name = f"upload-{helm.program.path.name}-{is_signed}".lower()
    place = helm.program.directory / name
    write_chart(place, name, "1.0.0+b.1", MUCH)
    phrase = helm.program.directory / "passphrase"
    phrase.write_text("\n")
    signing = ("--sign", "--key", "Chart Maker", "--keyring", keyrings[1])
    helm.program("package", place, *((*signing, "--passphrase-file", phrase) if is_signed else ()))
    chart = helm.program.directory / f"{name}-1.0.0+b.1.tgz"
    with tarfile.open(chart) as archive:
        moment = archive.getmember(f"{name}/Chart.yaml").mtime
    os.utime(chart, (moment, moment))
    helm("push", chart, helm.registry)

    curl = program("curl", helm.program.env, helm.program.directory)
    trust = ("--cacert", hub.ca) if hub.ca else ()
    asking = ("-sS", "-u", f"{hub.username}:{hub.password}", *trust)
    proof = chart.with_name(f"{chart.name}.prov")
    for path, file in (("charts", chart), *([("prov", proof)] if is_signed else [])):
        address = f"{hub.url}/helm/api/docker/uploaded/{path}"
        assert curl(*asking, "--data-binary", f"@{file}", address) == '{"saved":true}'
    digests = []
    for path in (f"docker/{name}", f"docker/uploaded/{name}"):
        head = curl(*asking, "-I", f"{hub.url}/v2/{path}/manifests/1.0.0_b.1").lower()
        digests.append(re.findall(r"docker-content-digest: (\S+)", head))
    assert digests[0]
    assert digests[0] == digests[1]
