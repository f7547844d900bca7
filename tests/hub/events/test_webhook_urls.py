"""Where webhooks may lead: nowhere inside, however it is written."""

import pytest

from entrepot.errors import InvalidWebhook
from entrepot.hub.events.webhook_urls import WebhookUrls

# Each by a way in which somebody once reached what they should not.
INSIDE_4 = (
    "0.0.0.0",  # noqa: S104 - refused, not bound
    "0.1.2.3", "10.0.0.1", "10.255.255.255", "100.64.0.1", "100.127.255.255",
    "127.0.0.1", "127.1.2.3", "127.255.255.254", "169.254.0.1", "169.254.169.254", "172.16.0.1",
    "172.31.255.255", "192.0.0.1", "192.0.0.8", "192.0.0.170", "192.0.2.1", "192.88.99.1",
    "192.168.0.1", "192.168.255.255", "198.18.0.1", "198.19.255.255", "198.51.100.1",
    "203.0.113.1", "224.0.0.1", "239.255.255.255", "240.0.0.1", "255.255.255.255",
)  # fmt: skip
INSIDE_6 = (
    "::", "::1", "::ffff:127.0.0.1", "::ffff:7f00:1", "::ffff:10.0.0.1", "::ffff:169.254.169.254",
    "::ffff:8.8.8.8", "::127.0.0.1", "::a00:1", "::ffff:0:127.0.0.1", "64:ff9b::127.0.0.1",
    "64:ff9b::a9fe:a9fe", "64:ff9b::8.8.8.8", "64:ff9b:1::1", "100::1", "2001::1",
    "2001:0:4136:e378:8000:63bf:3fff:fdd2", "2001:10::1", "2001:20::1", "2001:db8::1",
    "2002:7f00:1::1", "2002:a00:1::1", "2002:a9fe:a9fe::1", "3ffe::1", "3fff::1", "5f00::1",
    "fc00::1", "fd00::1", "fd00:ec2::254", "fe80::1", "fe80::1%25eth0", "fec0::1", "ff02::1",
    "ff0e::1", "0:0:0:0:0:0:0:1", "0000:0000:0000:0000:0000:ffff:7f00:0001",
)  # fmt: skip
NO_HOSTS = (
    "127.1", "127.0.1", "0", "1", "2130706433", "0x7f000001", "0x7f.0.0.1", "0X7F.1",
    "017700000001", "0177.0.0.1", "0177.1", "127.0.0.01", "127.0.0.1.", "127.0.0.1.1",
    "256.0.0.1", "0x7f.1",
    "1.2.3.0x4", "example.0x1", "a.1", "10.0x1", "-a.example", "a-.example", "a..example",
    ".example", "", ".", "a b.example", "[127.0.0.1]", "[::1", "::1]", "[::1]x", "[v1.x]",
    "127。0。0。1", "①②⑦.⓪.⓪.①", "ⓔxample.com", "exa%6dple.com", "%31%32%37.0.0.1", "example.com\\",
    "a" * 64 + ".example", ".".join(["a" * 60] * 5),
)  # fmt: skip
BAD_URLS = (
    "", " ", "//example.com/", "example.com", "/path", "http:example.com", "http:/example.com",
    "https:///x", "ftp://example.com/", "file:///etc/passwd", "gopher://example.com/_x",
    "dict://example.com:11211/", "ldap://example.com/", "data:text/plain,x", "javascript:alert(1)",
    "ws://example.com/", "jar:http://example.com!/", "unix:///run/docker.sock",
    "http+unix://%2Frun/x", "https://user@example.com/", "https://user:pass@example.com/",
    "https://example.com@127.0.0.1/", "https://127.0.0.1@example.com/", "https://@example.com/",
    "https://example.com/#x", "https://example.com#@127.0.0.1/", "https://example.com\\@127.0.0.1/",
    "https://example.com\t/", "https://exa\nmple.com/", "https://example.com/\r\nHost: x",
    "https://example.com/ x", "https://example.com/\x00", "https://exämple.com/",
    "https://example.com:0/", "https://example.com:22/", "https://example.com:25/",
    "https://example.com:53/", "https://example.com:1023/", "https://example.com:65536/",
    "https://example.com:99999/", "https://example.com:-1/", "https://example.com:8o/",
    "https://example.com:/", "https://example.com:80:80/", "https://example.com/" + "a" * 2000,
)  # fmt: skip
GOOD_URLS = {
    "https://example.com": ("https", "example.com", 443, "/", "example.com"),
    "HTTPS://Example.COM/A?b=c": ("https", "example.com", 443, "/A?b=c", "example.com"),
    "http://example.com:8080/a%20b": ("http", "example.com", 8080, "/a%20b", "example.com:8080"),
    "https://1.1.1.1/": ("https", "1.1.1.1", 443, "/", "1.1.1.1"),
    "https://[2606:4700::1111]:8443/": (
        "https", "2606:4700::1111", 8443, "/", "[2606:4700::1111]:8443",
    ),
    "http://1password.com/@x": ("http", "1password.com", 80, "/@x", "1password.com"),
    "https://xn--bcher-kva.example/": (
        "https", "xn--bcher-kva.example", 443, "/", "xn--bcher-kva.example",
    ),
}  # fmt: skip
URLS = [
    *(f"https://{each}/" for each in INSIDE_4),
    *(f"http://[{each}]:8080/" for each in INSIDE_6),
    *(f"http://{each}/x" for each in NO_HOSTS),
    *BAD_URLS,
]


def test_there_are_enough_forms() -> None:
    assert len(set(URLS)) >= 120


@pytest.mark.parametrize("url", URLS, ids=ascii)
def test_what_leads_inside_or_is_no_url_is_refused(url: str) -> None:
    with pytest.raises(InvalidWebhook):
        WebhookUrls().parse(url)


@pytest.mark.parametrize("url", GOOD_URLS)
def test_what_leads_outside_is_taken_apart(url: str) -> None:
    place = WebhookUrls().parse(url)
    told = (place.scheme, place.host, place.port, place.path, place.authority)
    assert told == GOOD_URLS[url]


def test_networks_can_be_allowed() -> None:
    targets = WebhookUrls(("10.1.0.0/16", "fd00::/8"))
    assert targets.parse("http://10.1.2.3/").host == "10.1.2.3"
    assert targets.parse("http://[fd00::1]/").host == "fd00::1"
    for url in ("http://10.2.0.1/", "http://127.0.0.1/", "http://[::ffff:10.1.2.3]/"):
        with pytest.raises(InvalidWebhook):
            targets.parse(url)


def test_one_address_inside_spoils_a_name() -> None:
    targets = WebhookUrls()
    assert str(targets.choose(["1.1.1.1", "2606:4700::1111"])) == "1.1.1.1"
    assert targets.choose(["1.1.1.1", "127.0.0.1"]) is None
    assert targets.choose(["fe80::1%eth0"]) is None
    assert targets.choose([]) is None
    assert targets.choose(["nonsense"]) is None
