"""Cookies of other programs on the hub's host, as a real browser sends them."""

import pytest

from tests.browser.browsers import Browser

pytestmark = pytest.mark.browser


def test_a_cookie_beyond_ascii_is_told_on_the_page(stranger: Browser) -> None:
    stranger.open("/login")
    assert not stranger.all(".banner")
    stranger.run("document.cookie = 'x=é'")
    stranger.open("/login")
    assert "Delete the cookies of this host" in stranger.text(".banner")
