"""The page that a new hub greets with: how to log in and push, for this very address."""

from html import escape
from string import Template
from typing import Final

from entrepot.http.messages import Request, Response, content, without_body
from entrepot.http.origin import Origins

_HTML: Final = "text/html; charset=utf-8"
_HEADERS: Final = (
    (
        "content-security-policy",
        "default-src 'none'; style-src 'self'; base-uri 'none'; form-action 'none'; "
        "frame-ancestors 'none'",
    ),
    ("x-content-type-options", "nosniff"),
    ("referrer-policy", "no-referrer"),
)

_PAGE: Final = Template("""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>$title</title>
<link rel="stylesheet" href="/style.css">
</head>
<body>
<main>
<p class="brand">Entrepot</p>
$content
</main>
</body>
</html>
""")

_HOME: Final = Template("""<h1>A hub for every software artifact</h1>
<p>This registry is running. Log in and push with the client you already have.</p>
<h2>Container images</h2>
<pre><code>docker login $host
docker push $host/NAMESPACE/app:1</code></pre>
<h2>Helm charts</h2>
<pre><code>helm registry login $host$plain
helm push demo-0.1.0.tgz oci://$host/NAMESPACE$plain</code></pre>
<h2>Any file</h2>
<pre><code>oras login $host
oras push $host/NAMESPACE/notes:1 notes.txt:text/plain</code></pre>
<p>NAMESPACE is your account's name, or an organisation's that you belong to.</p>""")

_STYLE: Final = b"""
:root { color-scheme: light dark; --accent: #0f766e; --soft: rgb(127 127 127 / 12%); }
body { margin: 0; font: 1rem/1.6 system-ui, sans-serif; }
main { max-width: 42rem; margin: 0 auto; padding: 3rem 1.25rem; }
.brand { color: var(--accent); font-weight: 650; letter-spacing: .02em; margin: 0; }
h1 { font-size: 1.9rem; line-height: 1.2; margin: .25rem 0 1rem; }
h2 { font-size: 1rem; margin: 2rem 0 .5rem; }
pre { background: var(--soft); border-radius: .5rem; padding: .9rem 1rem; overflow-x: auto; }
code { font: .9rem/1.6 ui-monospace, monospace; }
@media (prefers-color-scheme: dark) { :root { --accent: #5eead4; } }
"""


class PageDoor:
    """Answers people's browsers."""

    def __init__(self, origins: Origins) -> None:
        self._origins = origins

    async def answer(self, request: Request) -> Response:
        """Answer a request for a page."""
        request.facts["endpoint"] = "page"
        response = self._answer(request)
        return without_body(response) if request.method == "HEAD" else response

    def _answer(self, request: Request) -> Response:
        if request.method not in ("GET", "HEAD"):
            return _message(405, "This page can only be read", [("allow", "GET, HEAD")])
        if request.path == "/style.css":
            return content(200, "text/css; charset=utf-8", _STYLE, _HEADERS)
        if request.path != "/":
            return _message(404, "There is nothing here", [])
        origin = self._origins.origin(request)
        plain = " --plain-http" if origin.startswith("http://") else ""
        home = _HOME.substitute(host=escape(self._origins.host(request)), plain=plain)
        return _page(200, "Entrepot", home, [])


def _message(status: int, text: str, headers: list[tuple[str, str]]) -> Response:
    body = f'<h1>{escape(text)}</h1>\n<p><a href="/">Back to the start</a></p>'
    return _page(status, f"{text} - Entrepot", body, headers)


def _page(status: int, title: str, body: str, headers: list[tuple[str, str]]) -> Response:
    text = _PAGE.substitute(title=escape(title), content=body)
    return content(status, _HTML, text.encode(), [*_HEADERS, *headers])
