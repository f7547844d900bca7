"""People write their names as they like: `HubUser` is `hubuser` at every door."""

from urllib.parse import urlencode

import pytest

from entrepot.errors import BadCredentials
from entrepot.hub.names import fold_name
from entrepot.hub.people.actors import OPERATOR
from entrepot.model.people.accounts import Role
from entrepot.model.people.tokens import TokenScope
from tests.doors.browsers import Browser
from tests.doors.conftest import Town
from tests.doors.doors import Doors, basic

PASSWORD = "a whole sentence of mine"
SPELLINGS = ("hubuser", "HubUser", "HUBUSER", "hubUSER")


@pytest.fixture
async def hub(doors: Doors) -> Doors:
    """A hub with the account `hubuser` and the organization `acme`."""
    await doors.app.accounts.add("hubuser", PASSWORD)
    await doors.app.organizations.add("acme", "hubuser")
    return doors


@pytest.mark.parametrize("name", SPELLINGS)
async def test_a_client_signs_in(hub: Doors, name: str) -> None:
    assert (await hub.ask("GET", "/v2/", auth=basic(name, PASSWORD))).status == 200
    bearer = await hub.bearer(basic(name, PASSWORD), "repository:hubuser/app:pull,push")
    uploads = "/v2/hubuser/app/blobs/uploads/"
    assert (await hub.ask("POST", uploads, auth=bearer)).status == 202
    form = {"grant_type": "password", "username": name, "password": PASSWORD}
    kind = "application/x-www-form-urlencoded"
    answer = await hub.ask("POST", "/token", urlencode(form).encode(), content_type=kind)
    assert answer.status == 200
    assert (await hub.ask("GET", "/v2/", auth=basic(name, PASSWORD + "x"))).status == 401


@pytest.mark.parametrize("name", SPELLINGS)
async def test_a_token_is_presented_under_any_spelling(hub: Doors, name: str) -> None:
    app = hub.app
    account = await app.accounts.get(name)
    _, personal = await app.tokens.add_personal(account, "x", TokenScope.READ)
    assert (await hub.ask("GET", "/v2/", auth=basic(name, personal))).status == 200
    _, shared = await app.tokens.add_organization("ACME", "x", TokenScope.READ)
    for organization in ("acme", "Acme", "ACME"):
        assert (await hub.ask("GET", "/v2/", auth=basic(organization, shared))).status == 200
    assert (await hub.ask("GET", "/v2/", auth=basic("other", shared))).status == 401


@pytest.mark.parametrize("name", SPELLINGS)
async def test_a_person_signs_in_on_pages_and_is_found_by_them(hub: Doors, name: str) -> None:
    fields = {"name": name, "password": PASSWORD, "next": "", "back": "/login"}
    answer = await Browser(hub).post("/login", **fields)
    assert (answer.status, answer.header("location")) == (303, "/")
    assert (await hub.ask("GET", f"/u/{name}")).status == 200
    answer = await hub.ask("GET", f"/api/v1/namespaces/{name}", auth=basic(name, PASSWORD))
    assert answer.status == 200
    assert answer.json()["name"] == "hubuser"


async def test_operators_and_owners_name_people_in_any_spelling(hub: Doors) -> None:
    app = hub.app
    await app.accounts.add("anna", PASSWORD)
    await app.organizations.set_member("Acme", "ANNA", Role.MEMBER)
    members = await app.organizations.list_members("acme", OPERATOR)
    assert [name for name, _ in members] == ["anna", "hubuser"]


async def test_guesses_under_many_spellings_are_guesses_at_one_account(hub: Doors) -> None:
    spellings = SPELLINGS * 5
    statuses = []
    for number, name in enumerate(spellings):
        answer = await hub.ask(
            "GET", "/v2/", auth=basic(name, f"guess {number}"), client="192.0.2.7"
        )
        statuses.append(answer.status)
    assert statuses[:10] == [401] * 10
    assert set(statuses[10:]) == {429}


async def test_letters_that_only_look_alike_are_other_names(hub: Doors) -> None:
    """Unicode folds the Kelvin sign to k, and the dotless i differs by language."""
    assert fold_name("HubUser") == "hubuser"
    for name in ("\u212aey", "hubu\u017fer", "HUBUSER\u0130"):
        assert fold_name(name) == name
        with pytest.raises(BadCredentials):
            await hub.app.authentication.by_credentials(name, PASSWORD)


async def test_names_of_repositories_are_what_they_are(town: Town) -> None:
    """The distribution specification has them in lower case, and clients refuse others."""
    answer = await town.doors.ask("GET", "/v2/ACME/app/tags/list", auth=town.auth["owner"])
    assert (answer.status, answer.codes) == (400, ["NAME_INVALID"])
