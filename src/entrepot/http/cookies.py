"""Cookies: read as browsers send them, named so that no other program's can be ours.

Browsers send a host's cookies to all of its ports, whatever program set them: ours stand among
those of others, which may look like anything. So each is read by itself, and nothing in one keeps
another from being read. The rules are Starlette's; `http.cookies` ends at the first odd character.
"""

import re
from typing import Final
from urllib.parse import urlsplit

from entrepot.http.messages import Request

MAX_COOKIES: Final = 8192
"""Characters of `Cookie` that are read; a longer one counts as none."""
CANDIDATES: Final = 4
"""Values of one name that are tried: a cookie of another path may bear the name of ours."""

_PORTS: Final = {"http": 80, "https": 443}
_ESCAPED: Final = re.compile(r"\\(?:([0-3][0-7]{2})|(.))")


def parse_cookies(text: str) -> list[tuple[str, str]]:
    """The name and value of each cookie, in order; one without `=` has no name."""
    pairs = []
    for chunk in text.split(";"):
        name, equals, value = chunk.partition("=")
        if not equals:
            name, value = "", chunk
        name, value = name.strip(), value.strip()
        if name or value:
            pairs.append((name, _unquote(value)))
    return pairs


def read_cookies(request: Request, name: str) -> list[str]:
    """The values of the cookies of that name, the last one first; at most `CANDIDATES`."""
    if request.cookies is None:
        lines = request.headers.get_all("cookie")
        is_short = sum(map(len, lines)) <= MAX_COOKIES
        request.cookies = parse_cookies(";".join(lines)) if is_short else []
    values = dict.fromkeys(value for key, value in reversed(request.cookies) if key == name)
    return list(values)[:CANDIDATES]


def has_unreadable_cookies(request: Request) -> bool:
    """Whether the client sent cookies of which none can be read.

    The HTTP server hands over no header with bytes outside ASCII, though browsers send them as
    scripts set them (RFC 6265, section 5.4); and cookies of more than `MAX_COOKIES` are not parsed.
    """
    lines = request.headers.get_all("cookie")
    return "cookie" in request.headers and not 0 < sum(map(len, lines)) <= MAX_COOKIES


def read_cookie(request: Request, name: str) -> str:
    """The cookie's value, empty where there is none; of several, the last."""
    return next(iter(read_cookies(request, name)), "")


def _unquote(value: str) -> str:
    """The value without the quotes of RFC 2109, which some programs still set."""
    if len(value) < 2 or not value.startswith('"') or not value.endswith('"'):
        return value
    return _ESCAPED.sub(lambda found: chr(int(found[1], 8)) if found[1] else found[2], value[1:-1])


def set_cookie(
    name: str, value: str, *, is_https: bool, seconds: int | None = None, http_only: bool = True
) -> tuple[str, str]:
    """The header that sets a cookie for this origin alone; `seconds=0` takes it away."""
    parts = [f"{name}={value}", "Path=/", "SameSite=Lax"]
    parts += [f"Max-Age={seconds}"] if seconds is not None else []
    parts += ["Secure"] if is_https else []
    parts += ["HttpOnly"] if http_only else []
    return ("set-cookie", "; ".join(parts))


def cookie_name(what: str, origin: str) -> str:
    """The name of a cookie of ours at that origin.

    Over HTTPS it begins with `__Host-`: no other host can set it, nor a page without HTTPS. A port
    that is not the scheme's own is a part of it: two hubs of one host do not overwrite each other.
    """
    parts = urlsplit(origin)
    is_usual = parts.port in (None, _PORTS.get(parts.scheme))
    name = what if is_usual else f"{what}_{parts.port}"
    return f"__Host-{name}" if parts.scheme == "https" else name


def session_cookie(origin: str) -> str:
    """The name of the cookie that says who is signed in."""
    is_https = origin.startswith("https:")
    return cookie_name("entrepot" if is_https else "entrepot_session", origin)


def read_sessions(request: Request, origin: str) -> list[str]:
    """The secrets of sessions that the browser sends, each once; the likeliest first."""
    named = read_cookies(request, session_cookie(origin))
    # The port was not always a part of the name; whoever signed in then stays signed in.
    earlier = "__Host-entrepot" if origin.startswith("https:") else "entrepot_session"
    return list(dict.fromkeys([*named, *read_cookies(request, earlier)]))
