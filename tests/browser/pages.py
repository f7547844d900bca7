"""Every page of the seeded hub, by address."""

from typing import Final

from tests.browser.hubs import Seeded, references

ANYBODY: Final = (
    "/",
    "/explore",
    "/search?q=demo",
    "/search?q=nothing-is-called-so",
    "/search?q=kind%3Ahelm-chart",
    "/packages",
    "/packages?q=openssl",
    "/help",
    "/login",
    "/u/docker",
    "/r/docker/demo",
    "/r/docker/demo/-/tags",
    "/r/docker/demo/-/compare",
    "/r/docker/demo/-/compare/0.9.0...0.10.0",
    "/r/docker/demo:0.10.0",
    "/r/docker/absent",
)
_SIGNED_IN: Final = (
    "/",
    "/explore",
    "/search?q=demo",
    "/new",
    "/new/organisation",
    "/settings",
    "/settings/security",
    "/settings/sessions",
    "/settings/tokens",
    "/u/docker",
    "/u/docker/-/members",
    "/u/docker/-/teams",
    "/u/docker/-/teams/builders",
    "/u/docker/-/tokens",
    "/u/docker/-/keys",
    "/u/docker/-/webhooks",
    "/u/docker/-/audit",
    "/u/docker/-/settings",
    "/u/docker/-/delete",
    "/admin",
    "/admin/users",
    "/admin/jobs",
    "/admin/mirrors",
    "/admin/pull-rules",
    "/admin/settings",
    "/admin/audit",
    "/r/docker/demo",
    "/r/docker/demo/-/tags",
    "/r/docker/demo/-/tags?q=nothing",
    "/r/docker/demo/-/history",
    "/r/docker/demo/-/settings",
    "/r/docker/demo/-/webhooks",
    "/r/docker/demo/-/upload",
    "/r/docker/demo/-/delete?select=0.1.0&whole=1",
    "/r/docker/demo/-/delete",
    "/r/docker/data",
    "/r/docker/app",
    "/r/docker/absent",
)


def signed_in(hub: Seeded) -> list[str]:
    """What an administrator may see: every page of the hub, and every tab of every artifact."""
    # The charts differ in nothing but their version.
    artifacts = [
        f"/r/{each}" for each in references(hub) if not each.endswith((":0.1.0", ":0.9.0"))
    ]
    tabs = [f"{path}/{tab}" for path in artifacts for tab in _tabs(hub, path)]
    return [*_SIGNED_IN, *artifacts, *tabs, *documents(hub)]


def documents(hub: Seeded) -> list[str]:
    """A file and a template that are shown inside a tab."""
    chart = "/r/docker/demo:0.10.0/templates"
    return [f"{chart}?name={name}" for name in _names(hub, chart) if "service.yaml" in name][:1]


def _tabs(hub: Seeded, path: str) -> list[str]:
    tabs = hub.page(path)["tabs"]
    assert isinstance(tabs, list)
    return [str(each) for each in tabs]


def _names(hub: Seeded, path: str) -> list[str]:
    names = hub.page(path)["documents"]
    assert isinstance(names, list)
    return [str(each) for each in names]
