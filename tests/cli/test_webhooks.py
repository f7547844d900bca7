"""Webhooks by commands: made, listed, and what was given up sent again."""

import json

from tests.cli.conftest import Run
from tests.cli.test_commands import said, told

URL = "https://ci.example.org/hooks"


def test_a_webhook_is_made_and_listed(run: Run, alice: str) -> None:
    assert said(run("webhook", "list")) == "There are no webhooks yet.\n"
    made = told(run("webhook", "add", alice, URL, "--event", "tag.pushed", "--json"))
    assert isinstance(made, dict)
    assert str(made["secret"]).startswith("whsec_")
    table = said(run("webhook", "list")).splitlines()
    assert table[1].split() == [str(made["id"]), alice, URL, "cloudevents", "yes", "0", "0"]
    again = said(run("webhook", "redeliver", str(made["id"])))
    assert again == "No deliveries will be sent again.\n"


def test_a_webhook_has_a_format_and_a_header_of_its_own(run: Run, alice: str) -> None:
    words = ("--format", "harbor", "--header", "Authorization: s3cret")
    said(run("webhook", "add", alice, URL, *words))
    (listed,) = json.loads(said(run("webhook", "list", "--json")))
    assert (listed["format"], listed["header"]) == ("harbor", "Authorization")
    assert "s3cret" not in said(run("webhook", "list"))


def test_mistakes_are_told(run: Run, alice: str) -> None:
    assert run("webhook", "add", alice, "http://127.0.0.1/").exit_code == 1
    assert run("webhook", "add", alice, URL, "--event", "tag.eaten").exit_code == 1
    assert run("webhook", "add", alice, URL, "--format", "fax").exit_code == 2
    assert run("webhook", "add", alice, URL, "--header", "Host: x").exit_code == 1
    assert run("webhook", "add", "nobody", URL).exit_code == 1
    assert run("webhook", "add", "A/b", URL).exit_code == 2
    assert run("webhook", "redeliver", "7").exit_code == 1
    said(run("webhook", "add", alice, URL))
    assert run("webhook", "redeliver", "1", "--delivery", "9").exit_code == 1
