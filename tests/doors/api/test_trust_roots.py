"""Trust roots by the API and by their page."""

import pytest

from tests.doors.conftest import Town
from tests.doors.doors import Doors
from tests.doors.programs import Program
from tests.support.private_sigstore import PrivateSigstore

pytestmark = pytest.mark.usefixtures("town")


async def test_administrators_change_roots_and_the_signed_in_see_them(
    doors: Doors, town: Town
) -> None:
    admin, owner = Program(doors, town.auth["admin"]), Program(doors, town.auth["owner"])
    body = {"name": "ours", "content": PrivateSigstore().trusted_root()}
    made = await admin.do("POST", "/trust-roots", body, status=201)
    assert (made["kind"], made["is_shipped"]) == ("sigstore", False)
    assert (await admin.ask("POST", "/trust-roots", body)).status == 409
    names = [each["name"] for each in (await owner.get("/trust-roots"))["items"]]
    assert names == ["ours", "public-good"]
    details = await owner.get("/trust-roots/ours")
    assert [each["what"] for each in details["parts"]][:2] == ["certificate authority", "log"]
    assert details["content"] == body["content"]
    assert (await owner.ask("DELETE", "/trust-roots/ours")).status == 404
    await admin.do("DELETE", "/trust-roots/ours", status=204)
    await admin.do("DELETE", "/trust-roots/public-good", status=204)
    assert (await owner.get("/trust-roots"))["items"] == []
    back = await admin.do("POST", "/trust-roots", {"name": "public-good"}, status=201)
    assert back["is_shipped"] is True


@pytest.mark.parametrize(
    "body",
    [
        {"name": "ours", "content": "{}"},
        {"name": "Ours", "content": "{}"},
        {"name": "ours"},
        {"name": "ours", "content": "x" * 300_000},
    ],
)
async def test_what_is_no_root_is_refused(doors: Doors, town: Town, body: dict[str, str]) -> None:
    assert (
        await Program(doors, town.auth["admin"]).ask("POST", "/trust-roots", body)
    ).status == 400
