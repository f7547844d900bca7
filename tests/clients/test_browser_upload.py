"""What a browser uploads, clients pull."""

import re
import ssl
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.clients.test_helm import Helm, stranger
from tests.support.server import Hub

__all__ = ["stranger"]
pytestmark = pytest.mark.clients


@pytest.fixture
def browser(hub: Hub) -> Iterator[httpx.Client]:
    """A browser whose owner has signed in by the page."""
    trust = ssl.create_default_context(cafile=str(hub.ca)) if hub.ca else True
    with httpx.Client(base_url=hub.url, verify=trust, headers={"origin": hub.url}) as client:
        page = client.get("/login").text
        fields = {"token": hidden(page, "token"), "name": hub.username, "password": hub.password}
        assert client.post("/login", data=fields).status_code == 303
        yield client


def hidden(page: str, name: str) -> str:
    """The value of a hidden field."""
    found = re.search(rf'name="{name}" value="([^"]*)"', page)
    assert found is not None
    return found[1]


def upload(browser: httpx.Client, repository: str, chart: Path) -> str:
    """Send a file with the upload page's form; the address it leads to."""
    page = browser.get(f"/r/{repository}/-/upload").text
    action = re.search(r'action="(/r/[^"]*/-/upload\?token=[^"]*)"', page)
    assert action is not None
    files = {"files": (chart.name, chart.read_bytes(), "application/gzip")}
    answer = browser.post(action[1], data={"tag": "latest", "kind": "files"}, files=files)
    assert answer.status_code == 303, answer.text
    return answer.headers["location"]


@pytest.mark.parametrize("more", ["", "appVersion: 1.16\nannotations: {since: 2024-01-02}\n"])
def test_helm_pulls_and_renders_a_chart_that_a_browser_uploaded(
    stranger: Helm, browser: httpx.Client, more: str
) -> None:
    name = "uploaded" if not more else "uploaded-more"
    stranger.login()
    stranger("push", stranger.package(name, "0.0.1"), stranger.registry)
    sources = stranger.program.directory / name / "Chart.yaml"
    sources.write_text(
        f"apiVersion: v2\nname: {name}\nversion: 1.2.3+build.4\ndescription: A test\n{more}"
    )
    stranger.program("package", sources.parent, "-d", stranger.program.directory)
    chart = stranger.program.directory / f"{name}-1.2.3+build.4.tgz"
    location = upload(browser, f"docker/{name}", chart)
    assert location == f"/r/docker/{name}:1.2.3_build.4?said=uploaded"
    pulled = stranger.pull(name, "1.2.3+build.4")
    assert [file.read_bytes() for file in pulled.iterdir()] == [chart.read_bytes()]
    reference = f"{stranger.registry}/{name}"
    assert f"name: {name}" in stranger("show", "chart", reference, "--version", "1.2.3+build.4")
    assert "mine-settings" in stranger("template", "mine", reference, "--version", "1.2.3+build.4")
