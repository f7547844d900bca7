"""Accounts, organizations, teams, tokens and administration by the API."""

from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from entrepot.model.people.tokens import TokenScope
from tests.doors.conftest import Town
from tests.doors.doors import Doors, basic
from tests.doors.programs import Program

PASSWORD = "the long password"
N = "/namespaces/acme"


def program(town: Town, who: str) -> Program:
    """Somebody's program."""
    return Program(town.doors, town.auth[who])


async def newcomer(doors: Doors, name: str = "alice") -> Program:
    """A new account's program, which shows its password."""
    await doors.app.accounts.add(name, PASSWORD)
    return Program(doors, basic(name, PASSWORD))


async def test_a_profile_changes_one_by_one(town: Town) -> None:
    owner = program(town, "owner")
    await owner.do("PATCH", "/me", {"full_name": "Olga", "email": "olga@example.org"})
    changed = await owner.do("PATCH", "/me", {"full_name": "Olga O."})
    assert changed == await owner.get("/me")
    assert (changed["full_name"], changed["email"]) == ("Olga O.", "olga@example.org")
    await owner.do("PATCH", "/me", {"email": "nonsense"}, status=400)
    await program(town, f"owner {TokenScope.READ}").do("PATCH", "/me", {"email": ""}, status=403)


async def test_a_password_changes_for_whoever_knows_it(doors: Doors) -> None:
    alice = await newcomer(doors)
    wrong = {"old": "not the password", "new": "another password"}
    # Not 401: who asks is known, and that they are wrong is not about their `Authorization`.
    await alice.do("POST", "/me/password", wrong, status=403)
    await alice.do("POST", "/me/password", wrong | {"old": PASSWORD}, status=204)
    assert (await alice.ask("GET", "/me")).status == 401
    assert (await Program(doors, basic("alice", "another password")).get("/me"))["name"] == "alice"


async def test_browsers_are_signed_out(town: Town) -> None:
    owner, sessions = program(town, "owner"), town.doors.app.sessions
    for _ in range(3):
        await sessions.begin(town.people["owner"], address="192.0.2.1", client="Browser")
    other = await sessions.begin(town.people["stranger"], address="", client="")
    found = (await owner.get("/me/sessions"))["items"]
    assert [each["client"] for each in found] == ["Browser"] * 3
    await owner.do("DELETE", f"/me/sessions/{found[0]['id']}", status=204)
    await owner.do("DELETE", f"/me/sessions/{found[0]['id']}", status=404)
    assert len((await owner.get("/me/sessions"))["items"]) == 2
    await owner.do("DELETE", "/me/sessions", status=204)
    assert (await owner.get("/me/sessions"))["items"] == []
    assert await sessions.find(other)


async def test_a_second_factor_begins_and_ends(doors: Doors) -> None:
    from pyotp import TOTP

    alice = await newcomer(doors)
    bearer = await alice.do(
        "POST", "/me/tokens", {"label": "program", "scope": "repo:admin"}, status=201
    )
    alice = Program(doors, f"Bearer {bearer['secret']}")
    await alice.do("POST", "/me/second-factor", {"password": "a guess"}, status=403)
    await alice.do("POST", "/me/second-factor", {}, status=400)
    enrolment = await alice.do("POST", "/me/second-factor", {"password": PASSWORD}, status=201)
    assert enrolment["qr_svg"].startswith("<svg")
    code = TOTP(enrolment["secret"]).now()
    codes = await alice.do("POST", "/me/second-factor/confirm", {"code": code})
    told = await alice.get("/me/second-factor")
    assert told == {"is_on": True, "codes_left": len(codes["codes"])}
    await alice.do("POST", "/me/second-factor/codes", {"password": "wrong"}, status=403)
    await alice.do("POST", "/me/second-factor/disable", {"password": PASSWORD}, status=204)
    assert not (await alice.get("/me"))["has_second_factor"]


async def test_a_token_is_made_used_and_revoked(town: Town) -> None:
    owner = program(town, "owner")
    asked = {"label": "CI", "scope": "repo:read", "days": 7, "repositories": ["acme/*"]}
    made = await owner.do("POST", "/me/tokens", asked, status=201)
    limited = Program(town.doors, f"Bearer {made['secret']}")
    assert (await limited.get("/me"))["repositories"] == ["acme/*"]
    assert made["secret"].startswith(made["token"]["hint"])
    listed = await owner.get("/me/tokens")
    assert made["secret"] not in str(listed)
    assert listed["items"][0]["id"] == made["token"]["id"]
    # A limited token neither lists others nor makes one that may more.
    assert await limited.statuses(("GET", "/me/tokens"), ("GET", "/me/sessions")) == [403, 403]
    await limited.do("POST", "/me/tokens", asked, status=403)
    await owner.do("DELETE", f"/me/tokens/{made['token']['id']}", status=204)
    assert (await limited.ask("GET", "/me")).status == 401


async def test_what_a_token_makes_ends_with_it(doors: Doors) -> None:
    alice = await newcomer(doors)
    asked = {"label": "CI", "scope": "repo:admin", "days": 7}
    first = await alice.do("POST", "/me/tokens", asked, status=201)
    second = await Program(doors, f"Bearer {first['secret']}").do(
        "POST", "/me/tokens", {"label": "child", "scope": "repo:admin"}, status=201
    )
    assert second["token"]["expires_at"] == first["token"]["expires_at"]
    child = Program(doors, f"Bearer {second['secret']}")
    third = await child.do("POST", "/me/tokens", {**asked, "days": 1}, status=201)
    assert third["token"]["expires_at"] < first["token"]["expires_at"]
    await child.do("POST", "/me/tokens", {**asked, "password": "a guess"}, status=403)
    free = await child.do(
        "POST", "/me/tokens", {**asked, "days": 365, "password": PASSWORD}, status=201
    )
    assert free["token"]["expires_at"] > first["token"]["expires_at"]
    await alice.do("DELETE", f"/me/tokens/{first['token']['id']}", status=204)
    made = [Program(doors, f"Bearer {each['secret']}") for each in (first, second, third, free)]
    assert [(await each.ask("GET", "/me")).status for each in made] == [401, 401, 401, 200]


async def test_an_organizations_token_ends_with_the_token_that_made_it(town: Town) -> None:
    asked = {"label": "CI", "scope": "repo:admin", "days": 7}
    first = await program(town, "owner").do("POST", "/me/tokens", asked, status=201)
    owner = Program(town.doors, f"Bearer {first['secret']}")
    robot = await owner.do(
        "POST", f"{N}/tokens", {"label": "robot", "scope": "repo:write"}, status=201
    )
    assert robot["token"]["expires_at"] == first["token"]["expires_at"]
    await program(town, "owner").do("DELETE", f"/me/tokens/{first['token']['id']}", status=204)
    assert (await Program(town.doors, f"Bearer {robot['secret']}").ask("GET", "/me")).status == 401


async def test_a_token_tells_when_it_was_used_and_from_where(town: Town) -> None:
    owner = program(town, "owner")
    used = [each for each in (await owner.get("/me/tokens"))["items"] if each["last_used_at"]]
    assert [(each["scope"], each["last_used_from"]) for each in used] == [
        ("repo:admin", "127.0.0.1")
    ]


async def test_nobody_revokes_what_is_not_theirs(town: Town) -> None:
    theirs = (await program(town, "owner").get("/me/tokens"))["items"][0]["id"]
    for who in ("stranger", "admin"):
        await program(town, who).do("DELETE", f"/me/tokens/{theirs}", status=404)


async def test_an_organizations_token_acts_for_it(town: Town) -> None:
    owner = program(town, "owner")
    asked = {"label": "robot", "scope": "repo:admin"}
    made = await owner.do("POST", f"{N}/tokens", asked, status=201)
    robot = Program(town.doors, f"Bearer {made['secret']}")
    me = await robot.get("/me")
    assert (me["name"], me["created_at"]) == ("acme", None)
    await robot.do("POST", "/repositories", {"name": "acme/by-robot"}, status=201)
    assert await robot.statuses(("GET", "/me/stars"), ("GET", f"{N}/tokens")) == [403, 403]
    (listed,) = (await owner.get(f"{N}/tokens"))["items"]
    await owner.do("DELETE", f"{N}/tokens/{listed['id']}", status=204)
    assert (await robot.ask("GET", "/me")).status == 401


async def test_a_token_is_ones_own_by_the_name_of_the_account_too(town: Town) -> None:
    asked = {"label": "mine", "scope": "repo:read", "hours": 12}
    stranger, admin = program(town, "stranger"), program(town, "admin")
    path = "/namespaces/stranger/tokens"
    made = (await stranger.do("POST", path, asked, status=201))["token"]
    assert made in (await stranger.get("/me/tokens"))["items"]
    assert made in (await stranger.get(path))["items"]
    longer = (await stranger.do("POST", path, {**asked, "days": 1}, status=201))["token"]
    assert longer["expires_at"] > made["expires_at"]
    for method, body in (("GET", None), ("POST", asked)):
        await admin.do(method, path, body, status=403)
        await program(town, "owner").do(method, path, body, status=404)
    await stranger.do("DELETE", f"{path}/{made['id']}", status=204)


async def test_administrators_list_and_revoke_the_tokens_of_everybody(town: Town) -> None:
    stranger, admin = program(town, "stranger"), program(town, "admin")
    asked = {"label": "leaked", "scope": "repo:read"}
    made = await stranger.do("POST", "/me/tokens", asked, status=201)
    listed = (await admin.get("/admin/tokens?limit=100"))["items"]
    assert {**made["token"], "account": "stranger"} in listed
    assert "secret" not in listed[0]
    assert await stranger.statuses(("GET", "/admin/tokens"), ("DELETE", "/admin/tokens/1")) == [
        404,
        404,
    ]
    await admin.do("DELETE", f"/admin/tokens/{made['token']['id']}", status=204)
    await admin.do("DELETE", f"/admin/tokens/{made['token']['id']}", status=404)
    leaked = Program(town.doors, f"Bearer {made['secret']}")
    assert (await leaked.ask("GET", "/me")).status == 401


async def test_organizations_are_listed_with_their_members(town: Town) -> None:
    stranger, admin = program(town, "stranger"), program(town, "admin")
    theirs = {"name": "umbrella", "owner": "stranger"}
    await program(town, "owner").do("POST", "/organisations", theirs, status=403)
    await admin.do("POST", "/organisations", theirs, status=201)
    (seen,) = (await stranger.get("/organisations"))["items"]
    assert (seen["name"], seen["members"]) == ("umbrella", {"stranger": "owner"})
    first = await admin.get("/organisations?limit=1")
    second = await admin.get(f"/organisations?limit=1&after={first['next']}")
    assert [each["name"] for each in (*first["items"], *second["items"])] == ["acme", "umbrella"]
    await Program(town.doors).do("GET", "/organisations", status=401)


async def test_what_is_deleted_with_an_organization_is_told_first(town: Town) -> None:
    await program(town, "owner").do("POST", "/repositories", {"name": "acme/kept"}, status=201)
    found = await program(town, "owner").get(f"{N}/delete")
    assert found["name"] == "acme"
    assert "acme/kept" in found["repositories"]
    assert found["members"] > 1
    await program(town, "editor").do("GET", f"{N}/delete", status=403)
    await program(town, "stranger").do("GET", "/namespaces/stranger/delete", status=404)


async def test_an_organization_is_made_and_described(town: Town) -> None:
    stranger = program(town, "stranger")
    made = await stranger.do("POST", "/organisations", {"name": "umbrella"}, status=201)
    assert (made["kind"], made["may_administer"]) == ("organisation", True)
    await stranger.do("POST", "/organisations", {"name": "umbrella"}, status=409)
    changed = {"description": "Rain", "default_visibility": "public"}
    await stranger.do("PATCH", "/namespaces/umbrella", changed)
    described = await stranger.do("PATCH", "/namespaces/umbrella", {"description": "Sun"})
    assert (described["description"], described["default_visibility"]) == ("Sun", "public")
    seen = await Program(town.doors).get("/namespaces/umbrella")
    assert (seen["description"], seen["default_visibility"]) == ("Sun", None)
    (membership,) = (await stranger.get("/me/organisations"))["items"]
    assert membership == {"organisation": "umbrella", "role": "owner"}


async def test_members_come_change_and_leave(town: Town) -> None:
    owner, stranger = program(town, "owner"), program(town, "stranger")
    await owner.do("PUT", f"{N}/members/stranger", {"role": "editor"})
    members = {each["name"]: each["role"] for each in (await owner.get(f"{N}/members"))["items"]}
    assert members["stranger"] == "editor"
    await stranger.do("DELETE", f"{N}/members/owner", status=403)
    await stranger.do("DELETE", f"{N}/members/stranger", status=204)
    assert (await stranger.ask("GET", f"{N}/members")).status == 404
    await owner.do("PUT", f"{N}/members/nobody-here", {"role": "member"}, status=404)
    await owner.do("DELETE", f"{N}/members/disabled", status=204)
    await owner.do("DELETE", f"{N}/members/owner", status=409)


async def test_an_invitation_is_made_accepted_and_revoked(town: Town) -> None:
    owner, stranger = program(town, "owner"), program(town, "stranger")
    made = await owner.do("POST", f"{N}/invitations", {"role": "editor", "note": "hi"}, status=201)
    prefix, _, secret = made["url"].rpartition("/")
    assert prefix == "http://hub.test/invitations"
    accepted = await stranger.do("POST", "/me/invitations", {"secret": secret})
    assert accepted == {"organisation": "acme", "role": "editor", "team": ""}
    await stranger.do("POST", "/me/invitations", {"secret": secret}, status=404)
    made = await owner.do("POST", f"{N}/invitations", {}, status=201)
    (listed,) = (await owner.get(f"{N}/invitations"))["items"]
    assert listed == made["invitation"]
    await owner.do("DELETE", f"{N}/invitations/{listed['id']}", status=204)
    await owner.do("DELETE", f"{N}/invitations/{listed['id']}", status=404)


async def test_a_team_has_members_and_rights(town: Town) -> None:
    owner, member = program(town, "owner"), program(town, "member")
    team = f"{N}/teams/crew"
    await owner.do("POST", f"{N}/teams", {"name": "crew", "description": "Deck"}, status=201)
    await owner.do("PUT", f"{team}/members/member", status=204)
    assert (await member.get(f"{team}/members"))["items"] == [
        {"name": "member", "is_from_groups": False}
    ]
    await member.do("POST", "/repositories", {"name": "acme/app/x"}, status=403)
    await owner.do("PUT", f"{team}/rights/app/*", {"permission": "write"})
    rights = (await member.get(f"{team}/rights"))["items"]
    assert rights == [{"pattern": "app/*", "permission": "write"}]
    await member.do("POST", "/repositories", {"name": "acme/app/x"}, status=201)
    await owner.do("DELETE", f"{team}/rights/app/*", status=204)
    await owner.do("DELETE", f"{team}/members/member", status=204)
    renamed = await owner.do("PATCH", team, {"name": "mates"})
    assert (renamed["description"], renamed["member_count"]) == ("Deck", 0)
    assert [each["name"] for each in (await member.get(f"{N}/teams"))["items"]] == ["mates"]
    await owner.do("DELETE", f"{N}/teams/mates", status=204)
    assert await owner.statuses(("GET", f"{N}/teams/mates"), ("GET", team)) == [404, 404]


async def test_keys_are_trusted_until_they_are_not(town: Town) -> None:
    owner = program(town, "owner")
    key = generate_private_key(SECP256R1()).public_key()
    pem = key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()
    await owner.do("POST", f"{N}/keys", {"name": "release 1/2", "pem": pem}, status=204)
    await owner.do("POST", f"{N}/keys", {"name": "other", "pem": "nonsense"}, status=400)
    (listed,) = (await owner.get(f"{N}/keys"))["items"]
    assert (listed["name"], listed["pem"]) == ("release 1/2", pem)
    await owner.do("DELETE", f"{N}/keys/release 1/2", status=204)
    await owner.do("DELETE", f"{N}/keys/release 1/2", status=404)


async def test_the_log_tells_who_did_what(town: Town) -> None:
    owner, admin = program(town, "owner"), program(town, "admin")
    for name in ("one", "two", "three"):
        await owner.do("POST", f"{N}/teams", {"name": name}, status=201)
    page = await owner.get(f"{N}/audit?action=team&limit=2")
    assert [each["target"] for each in page["items"]] == ["acme/three", "acme/two"]
    assert {each["actor"] for each in page["items"]} == {"owner"}
    rest = await owner.get(f"{N}/audit?action=team&limit=2&after={page['next']}")
    assert ([each["target"] for each in rest["items"]], rest["next"]) == (["acme/one"], None)
    assert len((await admin.get("/admin/audit?actor=owner&action=team"))["items"]) == 3
    later = "2999-01-01T00:00:00Z"
    assert (await admin.get(f"/admin/audit?since={later}"))["items"] == []
    for nonsense in ("yesterday", "0.5", "2024-01-01T00:00:00"):
        await admin.do("GET", f"/admin/audit?until={nonsense}", status=400)


async def test_administrators_make_and_disable_accounts(doors: Doors, town: Town) -> None:
    admin = program(town, "admin")
    asked = {"name": "alice", "password": PASSWORD}
    made = await admin.do("POST", "/admin/users", asked, status=201)
    assert (made["is_admin"], made["is_disabled"]) == (False, False)
    assert "password" not in str(made)
    await admin.do("POST", "/admin/users", asked, status=409)
    alice = Program(doors, basic("alice", PASSWORD))
    assert (await alice.get("/me"))["name"] == "alice"
    assert (await admin.do("PATCH", "/admin/users/alice", {"is_disabled": True}))["is_disabled"]
    assert (await alice.ask("GET", "/me")).status == 401
    changed = {"is_disabled": False, "is_admin": True}
    assert (await admin.do("PATCH", "/admin/users/alice", changed))["is_admin"]
    assert (await alice.get("/admin/users/alice"))["is_admin"]
    await admin.do("PATCH", "/admin/users/admin", {"is_disabled": True}, status=403)
    names = [each["name"] for each in (await admin.get("/admin/users"))["items"]]
    assert {"alice", "admin", "owner"} <= set(names)
    await admin.do("DELETE", "/admin/users/alice/second-factor", status=204)
    await admin.do("GET", "/admin/users/nobody-here", status=404)


async def test_a_link_gives_a_new_password_once(town: Town) -> None:
    made = await program(town, "admin").do("POST", "/admin/users/owner/link", status=201)
    prefix, _, secret = made["url"].rpartition("/")
    assert prefix == "http://hub.test/welcome"
    assert (await town.doors.app.password_links.get(secret)).name == "owner"


async def test_the_hub_invites(town: Town) -> None:
    admin = program(town, "admin")
    made = await admin.do("POST", "/admin/invitations", {"note": "for Ann"}, status=201)
    (listed,) = (await admin.get("/admin/invitations"))["items"]
    assert (listed["note"], listed) == ("for Ann", made["invitation"])
    await admin.do("DELETE", f"/admin/invitations/{listed['id']}", status=204)
    assert (await admin.get("/admin/invitations"))["items"] == []


async def test_the_operator_sees_numbers_and_settings_without_secrets(town: Town) -> None:
    admin = program(town, "admin")
    assert (await admin.get("/admin/storage"))["accounts"] == len(town.people)
    health = await admin.get("/admin/health")
    assert health["version"]
    assert set(health["sandbox"]) >= {"Landlock", "seccomp", "network namespace"}
    settings = (await admin.get("/admin/settings?limit=100"))["items"]
    values = {each["name"]: each["value"] for each in settings}
    assert values["open"] == "false"
    assert all(each["meaning"] for each in settings)
