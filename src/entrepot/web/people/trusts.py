"""`/u/NAME/-/trusts`: jobs that sign in with their own ID tokens, and what they hold now."""

import json
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import ClassVar, Final

from entrepot.errors import Invalid
from entrepot.http.authorize import AccessRule
from entrepot.http.messages import Response
from entrepot.hub.workloads.ci_snippets import Snippet, snippet_for
from entrepot.hub.workloads.trust_conditions import format_condition, parse_condition
from entrepot.hub.workloads.trusts import Trial, TrustRules, rules_of
from entrepot.model.people.tokens import TokenScope
from entrepot.model.people.workloads import Grant, Issuer, Trust
from entrepot.web.pages import Page, redirect
from entrepot.web.people.namespaces import NamespacePage, frame
from entrepot.web.requests import PageRequest, PageRoute


@dataclass(frozen=True, slots=True)
class TrustLine:
    """A trust as its page shows it, with the lines to paste into a pipeline."""

    trust: Trust
    conditions: list[str]
    snippet: Snippet


@dataclass(kw_only=True)
class TrustsPage(NamespacePage):
    """Every trust and grant of the namespace, and forms to add a trust and to try a token."""

    template: ClassVar[str] = "namespaces/trusts.html"
    lines: list[TrustLine]
    grants: list[Grant]
    issuers: list[Issuer]
    trial: Trial | None = None
    claims: str = ""


async def show_trusts(request: PageRequest, trial: Trial | None = None) -> TrustsPage:
    """The namespace's trusts and live grants; `trial` is the result of a token that was tried."""
    name, rules = request.namespace.name, request.app.trusts
    issuers = await request.app.issuers.list_all()
    kinds = {each.name: each for each in issuers}
    lines = []
    for trust in await rules.list_of(name, request.actor):
        issuer = kinds[trust.issuer]
        audience = issuer.audiences[0] if issuer.audiences else request.origin
        lines.append(
            TrustLine(
                trust,
                list(map(format_condition, trust.conditions)),
                snippet_for(issuer.kind, trust, request.host, audience),
            )
        )
    now = request.app.now()
    grants = await rules.list_grants(name, request.actor)
    return TrustsPage(
        **frame(request, "trusts", f"{name}: CI sign-in"),
        lines=lines,
        grants=[each for each in grants if each.is_live(now)],
        issuers=issuers,
        trial=trial,
        claims="" if trial is None else json.dumps(dict(trial.claims), indent=2),
    )


async def change_trusts(request: PageRequest) -> Page | Response:
    """Add a trust, switch or delete one, try a token, or end a grant: what the button says."""
    form, name, rules = request.form, request.namespace.name, request.app.trusts
    what, trust = form.get("what"), form.get("name").strip()
    if what == "try":
        text = form.get("id_token").strip()
        return await show_trusts(request, await rules.try_token(name, text, request.actor))
    if what == "end":
        await rules.end_grant(name, request.whole_number("id"), request.actor)
        return redirect(f"/u/{name}/-/trusts", said="revoked")
    if what == "add":
        await rules.add(name, trust, _rules(request), request.actor)
    elif what in ("enable", "disable"):
        found = rules_of(await rules.get(name, trust, request.actor))
        changed = replace(found, is_enabled=what == "enable")
        await rules.edit(name, trust, changed, request.actor)
    elif what == "delete":
        await rules.delete(name, trust, request.actor)
    return redirect(f"/u/{name}/-/trusts", said="saved")


def _rules(request: PageRequest) -> TrustRules:
    form = request.form
    lines = form.get("conditions").splitlines()
    minutes = form.get("minutes").strip() or "60"
    try:
        scope, session = TokenScope(form.get("scope")), timedelta(minutes=int(minutes[:9]))
    except ValueError as error:
        raise Invalid("choose a permission, and a number of minutes") from error
    return TrustRules(
        form.get("issuer"),
        tuple(parse_condition(line) for line in lines if line.strip()),
        tuple(form.get("repositories").replace(",", " ").split()),
        tuple(form.get("tags").replace(",", " ").split()),
        scope,
        session,
    )


ROUTES: Final = (
    PageRoute("GET", "/u/{namespace}/-/trusts", AccessRule.NAMESPACE_OWNER, show_trusts),
    PageRoute("POST", "/u/{namespace}/-/trusts", AccessRule.NAMESPACE_OWNER, change_trusts),
)
