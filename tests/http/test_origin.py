"""Clients are only sent where they go, and where they take no credentials along."""

import pytest

from entrepot.http.origin import may_follow

HUB = "https://hub.example"


@pytest.mark.parametrize(
    ("origin", "url", "may"),
    [
        (HUB, "https://store.example/blob", True),
        (HUB, "https://8.8.8.8/blob", True),
        ("http://hub.example", "http://store.example/blob", True),
        ("http://hub.example", "https://store.example/blob", True),
        # From a private connection to one that is not.
        (HUB, "http://store.example/blob", False),
        # Clients in Go would send their credentials along, whatever the port.
        (HUB, "https://hub.example:9000/blob", False),
        ("http://hub.example:5000", "http://hub.example:9000/blob", False),
        # To addresses that are not public.
        (HUB, "https://10.0.0.7/blob", False),
        (HUB, "https://127.0.0.1:9000/blob", False),
        (HUB, "https://[::1]/blob", False),
    ],
)
def test_clients_are_sent_only_where_they_go_without_their_credentials(
    origin: str, url: str, may: bool
) -> None:
    assert may_follow(origin, url) is may
