"""Guessing passwords: every door counts, all of them together, and none locks the owner out."""

import base64
from contextlib import suppress
from urllib.parse import urlencode

import pytest

from entrepot.errors import BadCredentials, TooMany
from entrepot.hub.identity.login_throttle import PASSWORD
from tests.doors.browsers import Browser
from tests.doors.doors import Doors

RIGHT = "a whole sentence of mine"


async def guess(doors: Doors, door: str, name: str, password: str) -> int:
    """The status of one attempt at one of the doors."""
    basic = "Basic " + base64.b64encode(f"{name}:{password}".encode()).decode()
    if door == "page":
        return (await Browser(doors).post("/login", name=name, password=password)).status
    if door == "token form":
        form = {"grant_type": "password", "username": name, "password": password}
        headers = {"content_type": "application/x-www-form-urlencoded"}
        return (await doors.ask_with("POST", "/token", urlencode(form).encode(), headers)).status
    target = {"registry": "/v2/", "token": "/token", "API": "/api/v1/me", "page as a program": "/"}
    return (await doors.ask_with("GET", target[door], b"", {"authorization": basic})).status


DOORS = ("page", "registry", "token", "token form", "API", "page as a program")


@pytest.mark.parametrize("door", DOORS)
async def test_one_address_that_tries_200_names_is_limited(doors: Doors, door: str) -> None:
    found = [await guess(doors, door, f"user{number}", "x" * 1025) for number in range(200)]
    assert found[: PASSWORD.network.burst].count(429) == 0
    assert set(found[PASSWORD.network.burst :]) == {429}


async def test_all_doors_count_together(doors: Doors) -> None:
    await doors.app.accounts.add("anna", RIGHT)
    found = [await guess(doors, DOORS[each % len(DOORS)], "anna", f"{each}") for each in range(30)]
    assert len(found) - found.count(429) == PASSWORD.here.burst


@pytest.mark.parametrize("door", DOORS)
async def test_whoever_guesses_elsewhere_locks_nobody_out(doors: Doors, door: str) -> None:
    await doors.app.accounts.add("anna", RIGHT)
    login_throttle = doors.app.login_throttle
    async with login_throttle.attempt(PASSWORD, "anna", "127.0.0.1"):
        pass  # The owner has signed in from here before.
    for number in range(PASSWORD.account.burst + 10):
        with suppress(BadCredentials, TooMany):
            async with login_throttle.attempt(PASSWORD, "anna", f"192.0.2.{number % 250}"):
                raise BadCredentials
    assert await guess(doors, door, "anna", RIGHT) in (200, 303)
