"""Texts for programs that look around: `llms.txt`, `robots.txt`, `security.txt`."""

from datetime import timedelta
from typing import Final

from entrepot.errors import NotFound
from entrepot.http.authorize import AccessRule
from entrepot.http.messages import Response, content
from entrepot.web.requests import PageRequest, PageRoute

_PLAIN: Final = "text/plain; charset=utf-8"
_KEPT: Final = ("cache-control", "max-age=3600")
_LASTS: Final = timedelta(days=90)
_ROBOTS: Final = """\
User-agent: *
Disallow: /api/
Disallow: /v2/
Disallow: /search
Disallow: /login
Disallow: /r/*/-/blob/
Disallow: /r/*/-/compare/
"""
_LLMS: Final = """\
# Entrepot at {host}

> A hub for software artifacts: container images, Helm charts, AI models, WebAssembly modules, SBOMs
> and signatures. Artifacts are named `{host}/NAMESPACE/NAME:TAG` or
> `{host}/NAMESPACE/NAME@sha256:DIGEST`.

Every page answers `Accept: text/markdown` with Markdown and `Accept: application/json` with JSON.
Requests without credentials see what is public; `Authorization: Bearer TOKEN` adds what the token's
owner may read.

## Addresses

- [Search]({origin}/search?q=redis): words, "phrases", `-exclusions`; filters: `kind:helm-chart`,
  `namespace:acme`, `license:MIT`, `arch:arm64`, `package:openssl@3.*`, `cve:CVE-2021-44228`,
  `signed:verified`
- [Repository]({origin}/r/NAMESPACE/NAME): README, newest versions, commands
- [Tags]({origin}/r/NAMESPACE/NAME/-/tags): `q`, `kind`, `platform`, `sort`
- [Artifact]({origin}/r/NAMESPACE/NAME:TAG): what it is, the commands to use it; after it `/files`,
  `/sbom`, `/vulnerabilities`, `/signatures`, `/referrers`
- [Comparison]({origin}/r/NAMESPACE/NAME/-/compare/A...B): what changed between two tags
- [Who ships a package]({origin}/packages?q=openssl)
- [Who has a vulnerability]({origin}/vulnerabilities?q=CVE-2021-44228)

## For programs

- [API]({origin}/api/v1/openapi.json): OpenAPI 3.1
- [Agents]({origin}/mcp): Model Context Protocol over HTTP (POST)
- [Models]({origin}/hf): set `HF_ENDPOINT={origin}/hf` for Hugging Face's clients
- [Charts]({origin}/helm/index.yaml): a Helm repository for each namespace at `/helm/NAMESPACE`
- [Help]({origin}/help): searches and recipes
{more}"""
_FULL: Final = """
## Commands

Container images:

    docker pull {host}/NAMESPACE/NAME:TAG
    podman pull {host}/NAMESPACE/NAME:TAG

Helm charts:

    helm pull oci://{host}/NAMESPACE/NAME --version VERSION
    helm repo add NAMESPACE {origin}/helm/NAMESPACE

Other artifacts:

    oras pull {host}/NAMESPACE/NAME:TAG
    oras discover {host}/NAMESPACE/NAME:TAG

Signing in: `docker login`, `helm registry login` and `oras login` take an account's name and a
personal access token, which `{origin}/settings` makes.

## API by curl

    curl -H "Authorization: Bearer TOKEN" "{origin}/api/v1/search?q=redis"
    curl "{origin}/api/v1/repositories/NAMESPACE/NAME"
    curl "{origin}/api/v1/repositories/NAMESPACE/NAME/-/tags?limit=20"
    curl "{origin}/api/v1/repositories/NAMESPACE/NAME/-/manifests/TAG"
    curl "{origin}/api/v1/repositories/NAMESPACE/NAME/-/manifests/TAG/vulnerabilities"

Lists have `next`: give it as `after` for the next page. Errors are problem documents (RFC 9457).

## Tools of /mcp

`search`, `find_package`, `find_vulnerability`, `get_repository`, `list_tags`, `get_artifact`,
`list_packages`, `list_vulnerabilities`, `list_attached`, `list_signatures`, `list_files`,
`list_texts`, `read_text`, `compare`.
"""


async def show_llms(request: PageRequest) -> Response:
    """The hub in brief for language models (llmstxt.org)."""
    more = f"- [More]({request.origin}/llms-full.txt): commands and the API by curl\n"
    return _text(_LLMS.format(origin=request.origin, host=request.host, more=more))


async def show_all_for_llms(request: PageRequest) -> Response:
    """The same with the commands, in one text."""
    names = {"origin": request.origin, "host": request.host}
    return _text(_LLMS.format(more="", **names) + _FULL.format(**names))


async def show_robots(_: PageRequest) -> Response:
    """The addresses that cost more than they tell a search engine (RFC 9309)."""
    return _text(_ROBOTS)


async def show_security_contact(request: PageRequest) -> Response:
    """The contact for reports of a vulnerability of the hub (RFC 9116), where one is set."""
    contact = request.app.security_contact
    if contact is None:
        raise NotFound
    expires = (request.app.now() + _LASTS).strftime("%Y-%m-%dT00:00:00Z")
    canonical = f"{request.origin}/.well-known/security.txt"
    return _text(f"Contact: {contact}\nExpires: {expires}\nCanonical: {canonical}\n")


def _text(text: str) -> Response:
    return content(200, _PLAIN, text.encode(), [_KEPT, ("vary", "host")])


ROUTES: Final = (
    PageRoute("GET", "/llms.txt", AccessRule.ANYONE, show_llms),
    PageRoute("GET", "/llms-full.txt", AccessRule.ANYONE, show_all_for_llms),
    PageRoute("GET", "/robots.txt", AccessRule.ANYONE, show_robots),
    PageRoute("GET", "/.well-known/security.txt", AccessRule.ANYONE, show_security_contact),
)
