"""The client of directories against a real `slapd`."""

import asyncio
import socket
import ssl
import uuid
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from pathlib import Path
from threading import Thread

import pytest

from entrepot.errors import Denied, TooMany, Unavailable
from entrepot.hub.directory import ldap_client, ldap_session
from entrepot.hub.directory.ldap_client import LdapClient
from entrepot.hub.directory.ldap_session import DirectorySettings
from tests.support.directory import GROUPS, PEOPLE, LdapServer, serving


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LdapServer]:
    """A directory with a few people and groups."""
    with serving(tmp_path_factory.mktemp("slapd")) as running:
        alice = running.add_person("alice", "alice's", mail="alice@example.org")
        running.add_person("bob", "bob's")
        running.add_person("o*(brien)\\", "o's")
        devs = running.add_group("Devs", alice)
        staff = running.add_group("staff", devs)
        running.add_group("everybody", staff, f"cn=circle,{GROUPS}")
        running.add_group("circle", f"cn=everybody,{GROUPS}")
        running.add_group("others", f"uid=nobody,{PEOPLE}")
        yield running


@pytest.fixture
async def client(server: LdapServer) -> AsyncIterator[LdapClient]:
    """The hub's side, by StartTLS."""
    opened = LdapClient(server.settings)
    yield opened
    await opened.close()


def changed(server: LdapServer, **changes: object) -> LdapClient:
    """A client with other settings."""
    return LdapClient(replace(server.settings, **changes))  # type: ignore[arg-type]


async def test_a_person_is_verified_and_described(server: LdapServer) -> None:
    for settings in (server.settings, server.ldaps_settings):
        client = LdapClient(settings)
        found = await client.verify("alice", None, "alice's")
        assert found is not None
        assert (found.name, found.full_name, found.email) == ("alice", "Alice", "alice@example.org")
        assert uuid.UUID(found.subject)
        assert not found.is_disabled
        assert await client.verify("alice", None, "bob's") is None
        assert await client.verify("nobody", None, "bob's") is None
        again = await client.verify("whatever", found.subject, "alice's")
        assert again == found
        await client.close()


async def test_groups_are_followed_through_groups_and_through_circles(client: LdapClient) -> None:
    found = await client.verify("alice", None, "alice's")
    assert found is not None
    names = {each for each in found.groups if "=" in each}
    assert names == {
        f"cn={cn},ou=groups,dc=example,dc=org" for cn in ("devs", "staff", "everybody", "circle")
    }
    assert len(found.groups - names) == len(names)
    assert all(uuid.UUID(each) for each in found.groups - names)
    other = await client.verify("bob", None, "bob's")
    assert other is not None
    assert other.groups == frozenset()


async def test_nobody_passes_without_a_password(client: LdapClient, server: LdapServer) -> None:
    assert await client.verify("alice", None, "") is None
    # What the server itself thinks of it: success, as nobody (RFC 4513 section 5.1.2).
    dn = f"uid=alice,{PEOPLE}".encode()
    bind = b"\x02\x01\x03\x04" + bytes([len(dn)]) + dn + b"\x80\x00"
    message = b"\x02\x01\x01\x60" + bytes([len(bind)]) + bind
    context = ssl.create_default_context(cafile=str(server.ca_file))
    with (
        socket.create_connection(("127.0.0.1", server.tls_port)) as plain,
        context.wrap_socket(plain, server_hostname="localhost") as wrapped,
    ):
        wrapped.sendall(b"\x30" + bytes([len(message)]) + message)
        assert b"\x61\x07\x0a\x01\x00" in wrapped.recv(100)


@pytest.mark.parametrize(
    "name", ["*", "a*", "alice)(uid=*", "*)(|(uid=*", "alice\0", "\\2a", "", "alice,ou=people"]
)
async def test_a_name_is_no_part_of_the_filter(client: LdapClient, name: str) -> None:
    assert await client.find(name) is None
    assert await client.find("alice", name or "x") is None


async def test_a_name_with_every_special_character_is_found(client: LdapClient) -> None:
    found = await client.verify("o*(brien)\\", None, "o's")
    assert found is not None
    assert found.name == "o*(brien)\\"


async def test_people_are_found_by_their_ids_however_they_are_called_now(
    client: LdapClient, server: LdapServer
) -> None:
    carol, dave = server.add_person("carol", "c"), server.add_person("dave", "d")
    ids = {name: (await client.find(name)) for name in ("carol", "dave", "bob")}
    subjects = {name: each.subject for name, each in ids.items() if each is not None}
    server.rename(carol, "uid=caroline")
    server.delete(dave)
    server.change(f"uid=bob,{PEOPLE}", userAccountControl="514")
    try:
        found = await client.find_all([*subjects.values(), str(uuid.uuid4())])
        assert {each.name: each.is_disabled for each in found.values()} == {
            "caroline": False,
            "bob": True,
        }
        assert await client.verify("bob", None, "bob's") is None
    finally:
        server.change(f"uid=bob,{PEOPLE}", userAccountControl=[])
        server.delete(f"uid=caroline,{PEOPLE}")


async def test_active_directorys_ids_are_binary(server: LdapServer) -> None:
    number = uuid.uuid4()
    server.add_person("erin", "e", objectGUID=number.bytes_le)
    client = changed(server, id_attribute="objectGUID")
    found = await client.verify("erin", None, "e")
    assert found is not None
    assert found.subject == str(number)
    assert await client.verify("", str(number), "e") == found
    with pytest.raises(Unavailable):
        await client.find("alice")
    assert "ldap_id_attribute" in client.problem
    server.delete(found.dn)
    await client.close()


async def test_a_filter_that_matches_several_people_signs_in_none(server: LdapServer) -> None:
    client = changed(server, user_filter="(&(objectClass=person)(|(uid={name})(uid=*)))")
    assert await client.verify("alice", None, "alice's") is None
    assert client.problem == ""
    await client.close()


async def test_too_many_groups_are_an_error(
    client: LdapClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ldap_session, "MOST_GROUPS", 3)
    with pytest.raises(Denied, match="more than 3 groups"):
        await client.find("alice")
    assert client.problem == "the directory was not asked yet"


async def test_groups_of_login_names_are_not_followed(server: LdapServer) -> None:
    client = changed(server, group_filter="(cn={name})", group_base=GROUPS)
    server.add_group("bob", f"uid=nobody,{PEOPLE}")
    found = await client.find("bob")
    assert found is not None
    assert f"cn=bob,{GROUPS}" in found.groups
    assert await changed(server, group_base=None).find("bob") is not None
    server.delete(f"cn=bob,{GROUPS}")
    await client.close()


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"bind_password": "wrong"}, "refused ldap_bind_dn"),
        ({"user_base": "ou=nowhere,dc=example,dc=org"}, "noSuchObject"),
        ({"user_base": "dc=elsewhere"}, "noSuchObject"),
        ({"start_tls": False}, "wants encryption"),
        ({"ca_file": None}, "certificate verify failed"),
        ({"host": "127.0.0.2"}, "127.0.0.2"),
        ({"user_filter": "(uid={name}"}, ""),
    ],
)
async def test_what_is_wrong_is_told_to_operators_alone(
    server: LdapServer, changes: dict[str, object], problem: str
) -> None:
    client = changed(server, **changes)
    with pytest.raises(Unavailable, match=r"^the directory does not answer: accounts of this hub"):
        await client.verify("alice", None, "alice's")
    assert problem in client.problem
    await client.close()


async def test_a_server_that_is_down_is_left_alone_for_a_moment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with serving(tmp_path / "slapd") as server:
        server.add_person("alice", "alice's")
        client = LdapClient(server.settings)
        assert await client.probe() == ""
        server.stop()
        assert "refused" in (await client.probe()).lower()
        server.start()
        with pytest.raises(Unavailable):
            await client.verify("alice", None, "alice's")
        monkeypatch.setattr(client, "_not_before", 0.0)
        assert await client.verify("alice", None, "alice's") is not None
        assert client.problem == ""
        await client.close()


@pytest.fixture
def silent() -> Iterator[int]:
    """The port of a server that takes connections and never says anything."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        yield listening.getsockname()[1]


async def test_a_server_that_says_nothing_is_waited_for_within_a_bound(
    server: LdapServer, silent: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ldap_session, "ANSWER_TIMEOUT", 1)
    for changes in ({"port": silent}, {"port": silent, "is_ldaps": True, "start_tls": False}):
        client = changed(server, **changes)
        with pytest.raises(Unavailable):
            await client.verify("alice", None, "alice's")
        await client.close()


async def test_the_event_loop_goes_on_and_those_who_wait_are_bounded(
    server: LdapServer, silent: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ldap_session, "ANSWER_TIMEOUT", 1)
    monkeypatch.setattr(ldap_client, "_MOST_WAITING", 3)
    client = changed(server, port=silent)
    waiting = [asyncio.create_task(client.find("alice")) for _ in range(3)]
    await asyncio.sleep(0)
    with pytest.raises(TooMany):
        await client.find("alice")
    results = await asyncio.gather(*waiting, return_exceptions=True)
    assert all(isinstance(each, Unavailable) for each in results)
    await client.close()


async def test_a_referral_is_not_followed(server: LdapServer) -> None:
    met: list[bytes] = []
    with socket.create_server(("127.0.0.1", 0)) as elsewhere:
        port = elsewhere.getsockname()[1]

        def listen() -> None:
            with elsewhere.accept()[0] as connection:
                met.append(connection.recv(100))

        Thread(target=listen, daemon=True).start()
        server.add(
            f"ou=away,{PEOPLE}",
            ["referral", "extensibleObject"],
            ou="away",
            ref=f"ldap://127.0.0.1:{port}/ou=people",
        )
        client = changed(server, user_base=PEOPLE)
        assert await client.verify("alice", None, "alice's") is not None
        beyond = changed(server, user_base=f"ou=away,{PEOPLE}")
        with pytest.raises(Unavailable):
            await beyond.verify("alice", None, "alice's")
        assert "referral" in beyond.problem
        for each in (client, beyond):
            await each.close()
    assert met == []


def test_settings_show_no_password(server: LdapServer) -> None:
    assert isinstance(server.settings, DirectorySettings)
    assert (server.settings.bind_password or "") not in repr(server.settings)
