"""Webhooks by commands: made, listed, and what was given up sent again."""

from tests.cli.conftest import Run
from tests.cli.test_commands import said, told

URL = "https://ci.example.org/hooks"


def test_a_webhook_is_made_and_listed(run: Run, alice: str) -> None:
    assert said(run("webhook", "list")) == "There are no webhooks yet.\n"
    made = told(run("webhook", "add", alice, URL, "--event", "tag.pushed", "--json"))
    assert isinstance(made, dict)
    assert str(made["secret"]).startswith("whsec_")
    table = said(run("webhook", "list")).splitlines()
    assert table[1].split() == [str(made["id"]), alice, URL, "yes", "0", "0"]
    again = said(run("webhook", "redeliver", str(made["id"])))
    assert again == "No deliveries will be sent again.\n"


def test_mistakes_are_told(run: Run, alice: str) -> None:
    assert run("webhook", "add", alice, "http://127.0.0.1/").exit_code == 1
    assert run("webhook", "add", alice, URL, "--event", "tag.eaten").exit_code == 1
    assert run("webhook", "add", "nobody", URL).exit_code == 1
    assert run("webhook", "add", "A/b", URL).exit_code == 2
    assert run("webhook", "redeliver", "7").exit_code == 1
    said(run("webhook", "add", alice, URL))
    assert run("webhook", "redeliver", "1", "--delivery", "9").exit_code == 1
