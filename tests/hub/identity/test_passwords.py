"""Passwords: compared whole, remembered when right, refused when too many wait."""

import asyncio

import pytest

from entrepot.errors import InvalidAccount, TooMany
from entrepot.hub.identity.passwords import MAX_LENGTH, Passwords

LONG = "x" * 72 + "the part that bcrypt would not look at"


async def test_a_password_is_verified_by_its_hash(passwords: Passwords) -> None:
    password_hash = await passwords.hash("correct horse")
    assert password_hash.startswith("$argon2id$")
    assert await passwords.verify(password_hash, "correct horse")
    assert not await passwords.verify(password_hash, "correct horsf")
    assert not await passwords.verify(password_hash, "")


async def test_every_byte_of_a_long_password_counts(passwords: Passwords) -> None:
    password_hash = await passwords.hash(LONG)
    for wrong in (LONG[:72], LONG[:-1], LONG[:-1] + "?", LONG + "x"):
        assert not await passwords.verify(password_hash, wrong)
    assert await passwords.verify(password_hash, LONG)


async def test_a_password_is_not_cut_at_a_nul(passwords: Passwords) -> None:
    password_hash = await passwords.hash("before\0after")
    assert not await passwords.verify(password_hash, "before")
    assert not await passwords.verify(password_hash, "before\0afteR")


async def test_two_hashes_of_one_password_differ(passwords: Passwords) -> None:
    assert await passwords.hash("the same one") != await passwords.hash("the same one")


@pytest.mark.parametrize("password", ["", "x" * (MAX_LENGTH + 1)])
async def test_an_empty_or_endless_password_is_not_hashed(
    passwords: Passwords, password: str
) -> None:
    with pytest.raises(InvalidAccount):
        await passwords.hash(password)
    assert not await passwords.verify("$argon2id$v=19$m=8,t=1,p=1$c2FsdHNhbHQ$x", password)


async def test_the_longest_password_works(passwords: Passwords) -> None:
    password = "é" * MAX_LENGTH
    assert await passwords.verify(await passwords.hash(password), password)


@pytest.mark.parametrize("damaged", ["", "not-a-hash", "$argon2id$", "$2b$12$abc"])
async def test_what_is_no_hash_matches_nothing(passwords: Passwords, damaged: str) -> None:
    assert not await passwords.verify(damaged, "password")


async def test_more_logins_than_there_is_room_for_are_refused() -> None:
    passwords = Passwords(threads=1, queue=2)
    password_hash = await passwords.hash("the right one")
    attempts = (passwords.verify(password_hash, f"wrong {number}") for number in range(8))
    results = await asyncio.gather(*attempts, return_exceptions=True)
    assert results.count(False) == 3
    assert sum(isinstance(each, TooMany) for each in results) == 5
    assert await passwords.verify(password_hash, "the right one")


async def test_a_login_that_was_right_before_waits_for_nobody() -> None:
    passwords = Passwords(threads=1, queue=0)
    password_hash = await passwords.hash("the right one")
    assert await passwords.verify(password_hash, "the right one")
    busy = asyncio.create_task(passwords.hash("the other one"))
    await asyncio.sleep(0)
    assert await passwords.verify(password_hash, "the right one")
    with pytest.raises(TooMany):
        await passwords.verify(password_hash, "the wrong one")
    await busy


async def test_a_wrong_password_is_never_remembered(passwords: Passwords) -> None:
    password_hash = await passwords.hash("the right one")
    for _ in range(2):
        assert not await passwords.verify(password_hash, "the wrong one")


async def test_what_was_remembered_of_a_password_ends_with_its_hash(passwords: Passwords) -> None:
    old, new = await passwords.hash("the old one"), await passwords.hash("the new one")
    assert await passwords.verify(old, "the old one")
    assert not await passwords.verify(new, "the old one")


async def test_nobody_takes_a_place_in_the_queue_as_everybody_does() -> None:
    passwords = Passwords(threads=1, queue=0)
    await passwords.verify_nobody("anything")
    busy = asyncio.create_task(passwords.hash("the other one"))
    await asyncio.sleep(0)
    with pytest.raises(TooMany):
        await passwords.verify_nobody("anything")
    await busy
    await passwords.verify_nobody("x" * (MAX_LENGTH + 1))


@pytest.mark.parametrize("length", [0, 1, 7, 1025])
async def test_a_new_password_has_a_length_that_is_the_same_everywhere(
    passwords: Passwords, length: int
) -> None:
    with pytest.raises(InvalidAccount, match="a password has 8 to 1024 characters"):
        await passwords.hash("é" * length)
