"""Signing in with a directory at every door: the page, `docker login`, Basic, the API."""

import json
import re
from collections.abc import Iterator

import pytest

from tests.doors.browsers import Browser
from tests.doors.conftest import Open, Town
from tests.doors.doors import Doors, basic
from tests.doors.programs import Program
from tests.support.directory import GROUPS, PASSWORD, PEOPLE, SERVICE, LdapServer, serving

N = "/namespaces/acme"


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LdapServer]:
    """A directory with Alice, a developer."""
    with serving(tmp_path_factory.mktemp("slapd")) as server:
        alice = server.add_person("alice", "alice's")
        devs = server.add_group("devs", alice)
        server.add_group("staff", devs)
        yield server


@pytest.fixture
def server(running: LdapServer) -> Iterator[LdapServer]:
    """The directory, which runs again after the test."""
    yield running
    if running.process is None:
        running.start()


@pytest.fixture
def hub(open_doors: Open, town: Town, server: LdapServer) -> Doors:
    """The town's hub with the directory, by settings as operators write them."""
    assert town.acme
    return open_doors(
        ldap_url=f"ldap://localhost:{server.port}",
        ldap_ca_file=server.ca_file,
        ldap_bind_dn=SERVICE,
        ldap_bind_password=PASSWORD,
        ldap_user_base=PEOPLE,
        ldap_group_base=GROUPS,
    )


async def log_in(doors: Doors, name: str, password: str) -> tuple[int, bytes]:
    """What `docker login` sends once it was challenged, and the answer."""
    address = "/token?service=hub.test&account=alice&offline_token=true&client_id=docker"
    answer = await doors.ask("GET", address, auth=basic(name, password))
    return answer.status, answer.body


async def test_docker_logs_in_and_pulls_what_the_groups_allow(hub: Doors, town: Town) -> None:
    name = await town.build(None)
    owner = Program(hub, town.auth["owner"])
    asked = {"source": "ldap", "group": f"CN=Staff,{GROUPS}", "role": "editor"}
    await owner.do("POST", f"{N}/groups", asked, status=201)
    status, body = await log_in(hub, "alice", "alice's")
    assert status == 200
    assert json.loads(body)["refresh_token"]
    scope = f"/token?service=hub.test&scope=repository:{name}:pull,push"
    answer = await hub.ask("GET", scope, auth=basic("alice", "alice's"))
    token = json.loads(answer.body)["token"]
    pushed = await hub.ask("POST", f"/v2/{name}/blobs/uploads/", auth=f"Bearer {token}")
    assert pushed.status == 202
    for auth in (basic("alice", "alice's"), f"Bearer {token}"):
        tags = await hub.ask("GET", f"/v2/{name}/tags/list", auth=auth)
        assert tags.status == 200
    me = await Program(hub, basic("alice", "alice's")).get("/me")
    assert me["name"] == "alice"
    members = (await owner.get(f"{N}/members"))["items"]
    assert {"name": "alice", "role": "editor", "is_from_groups": True} in members


@pytest.mark.parametrize("password", ["", "wrong"])
async def test_a_wrong_password_is_refused_at_every_door(hub: Doors, password: str) -> None:
    auth = basic("alice", password)
    assert (await log_in(hub, "alice", password))[0] == 401
    assert (await hub.ask("GET", "/v2/", auth=auth)).status == 401
    assert (await Program(hub, auth).ask("GET", "/me")).status == 401
    answer = await Browser(hub).post("/login", name="alice", password=password, back="/login")
    assert not [each for each in answer.headers("set-cookie") if "entrepot_session" in each]


async def test_a_directory_that_is_down_says_so_and_others_go_on(
    hub: Doors, town: Town, server: LdapServer
) -> None:
    await hub.app.accounts.add("root", "the password of root")
    server.stop()
    status, body = await log_in(hub, "alice", "alice's")
    assert status == 503
    assert b"the directory does not answer: accounts of this hub and access tokens" in body
    for auth in (basic("alice", "alice's"),):
        assert (await hub.ask("GET", "/v2/", auth=auth)).status == 503
        assert (await Program(hub, auth).ask("GET", "/me")).status == 503
    page = await Browser(hub).post("/login", name="alice", password="alice's", back="/login")
    assert page.status in (303, 503)
    assert (await log_in(hub, "root", "the password of root"))[0] == 200
    assert (await hub.ask("GET", "/v2/", auth=town.auth["owner"])).status == 200
    admin = Program(hub, town.auth["admin"])
    assert "refused" in (await admin.get("/admin/health"))["directory"]


async def test_a_browser_signs_in_and_administrators_see_that_the_directory_answers(
    hub: Doors, town: Town
) -> None:
    answer = await Browser(hub).post("/login", name=" Alice ", password="alice's", next="/settings")
    assert (answer.status, answer.header("location")) == (303, "/settings")
    found = [re.match(r"entrepot_session=([\w-]+);", each) for each in answer.headers("set-cookie")]
    browser = Browser(hub, next(each[1] for each in found if each))
    assert b"alice" in (await browser.get("/")).body
    # The password is asked for again, and it is the directory's.
    made = await browser.post("/settings/tokens", label="x", scope="repo:read", days="1")
    assert made.status < 500
    admin = Program(hub, town.auth["admin"])
    assert (await admin.get("/admin/health"))["directory"] == ""
    secret = await hub.app.sessions.begin(town.people["admin"], address="127.0.0.1", client="test")
    assert b"Directory (LDAP)" in (await Browser(hub, secret).get("/admin")).body
    assert (await Program(town.doors, town.auth["admin"]).get("/admin/health"))["directory"] is None
