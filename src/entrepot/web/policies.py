"""Policies of repositories and namespaces, and quotas."""

from dataclasses import dataclass
from typing import ClassVar, Final

from entrepot.errors import Invalid
from entrepot.http.authorize import AccessRule
from entrepot.http.forms import Form
from entrepot.http.messages import Response
from entrepot.hub.policies import EffectivePolicies
from entrepot.model.policies import NUMBERS, Rules
from entrepot.oci.tag_patterns import TagPatterns
from entrepot.registry.retention import Reason, Verdict
from entrepot.web.pages import Page, redirect
from entrepot.web.people.namespaces import NamespacePage, frame
from entrepot.web.repositories import RepositoryPage, facts_of, is_starred
from entrepot.web.requests import PageRequest, PageRoute

_SHOWN: Final = 200
_MIB: Final = 1024 * 1024


@dataclass(kw_only=True)
class RepositoryPoliciesPage(RepositoryPage):
    """`/r/NAME/-/policies`, with what the rules would do once that was asked for."""

    template: ClassVar[str] = "repositories/policies.html"
    immutable: str
    rules: Rules | None
    inherited: EffectivePolicies
    verdicts: list[Verdict] | None
    going: int
    total: int


@dataclass(kw_only=True)
class NamespacePoliciesPage(NamespacePage):
    """`/u/NAME/-/policies`."""

    template: ClassVar[str] = "namespaces/policies.html"
    immutable: str
    rules: Rules | None
    limit: int | None
    used: int
    may_limit: bool


async def show_repository(request: PageRequest) -> Page:
    """The rules of a repository; `?preview=1` shows what those in force would do."""
    own, _ = await request.app.policies.get_of_repository(request.repository)
    verdicts = None
    if request.query("preview"):
        verdicts = await request.app.retention.preview(request.repository)
    return await _repository_page(request, own.immutable.text, own.rules, verdicts)


async def save_repository(request: PageRequest) -> Page | Response:
    """Save the rules, show first what they would do, or remove now what they do not keep."""
    name, what = request.repository.name, request.form.get("what")
    if what == "apply":
        await request.app.retention.run(request.repository, request.listener)
        return redirect(f"/r/{name}/-/history", said="saved")
    immutable, rules = request.form.get("immutable"), _rules(request.form)
    if what == "preview":
        TagPatterns.parse(immutable)
        verdicts = await request.app.retention.preview(request.repository, rules)
        return await _repository_page(request, immutable, rules, verdicts)
    await request.app.policies.set_of_repository(name, immutable, rules, request.actor)
    return redirect(f"/r/{name}/-/policies", said="saved")


async def _repository_page(
    request: PageRequest, immutable: str, rules: Rules | None, verdicts: list[Verdict] | None
) -> Page:
    _, inherited = await request.app.policies.get_of_repository(request.repository)
    all_of_them = verdicts or []
    going = [each for each in all_of_them if each.reason is Reason.GOES]
    staying = [each for each in all_of_them if each.reason is not Reason.GOES]
    return RepositoryPoliciesPage(
        title=f"{request.repository.name}: policies",
        name=request.repository.name.text,
        facts=await facts_of(request),
        current="policies",
        is_starred=await is_starred(request),
        immutable=immutable,
        rules=rules,
        inherited=inherited,
        verdicts=None if verdicts is None else [*going[:_SHOWN], *staying[:_SHOWN]],
        going=len(going),
        total=len(all_of_them),
    )


async def show_namespace(request: PageRequest) -> Page:
    """The rules of a namespace, its room and what is used of it."""
    told = await request.app.policies.get_of_namespace(request.namespace)
    limit, used = await request.app.policies.get_room(request.namespace.name)
    return NamespacePoliciesPage(
        **frame(request, "policies", f"{request.namespace.name}: policies"),
        immutable=told.immutable.text,
        rules=told.rules,
        limit=limit,
        used=used,
        may_limit=request.identity.is_superuser,
    )


async def save_namespace(request: PageRequest) -> Response:
    """Save the rules of a namespace."""
    name, immutable = request.namespace.name, request.form.get("immutable")
    await request.app.policies.set_of_namespace(
        name, immutable, _rules(request.form), request.actor
    )
    return redirect(f"/u/{name}/-/policies", said="saved")


async def save_quota(request: PageRequest) -> Response:
    """Limit the room of a namespace, or no longer."""
    name, mib = request.form.get("namespace"), _number(request.form, "mib", 2**43)
    await request.app.policies.set_quota(name, mib * _MIB if mib else None, request.actor)
    return redirect(f"/u/{name}/-/policies", said="saved")


def _rules(form: Form) -> Rules | None:
    """The retention rules of a form, `None` where none of its numbers is given."""
    numbers = {name: _number(form, name, 2**31) for name in NUMBERS}
    if set(numbers.values()) == {None}:
        return None
    tags, keep = TagPatterns.parse(form.get("tags") or "*"), TagPatterns.parse(form.get("keep"))
    return Rules(tags.text, keep.text, **numbers)


def _number(form: Form, name: str, most: int) -> int | None:
    text = form.get(name).strip()
    if not text:
        return None
    if not (text.isascii() and text.isdigit() and len(text) < 15 and int(text) <= most):
        raise Invalid(f"invalid number: {text[:20]}")
    return int(text)


ROUTES: Final = (
    PageRoute("GET", "/r/{repository}/-/policies", AccessRule.REPOSITORY_ADMIN, show_repository),
    PageRoute("POST", "/r/{repository}/-/policies", AccessRule.REPOSITORY_ADMIN, save_repository),
    PageRoute("GET", "/u/{namespace}/-/policies", AccessRule.NAMESPACE_OWNER, show_namespace),
    PageRoute("POST", "/u/{namespace}/-/policies", AccessRule.NAMESPACE_OWNER, save_namespace),
    PageRoute("POST", "/admin/quota", AccessRule.HUB_ADMIN, save_quota),
)
