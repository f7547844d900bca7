"""`/admin/replication`: tags that are pushed to other registries, and those that are not there."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import ClassVar, Final

from entrepot.errors import EntrepotError
from entrepot.http.authorize import AccessRule
from entrepot.http.messages import Response
from entrepot.hub.replication import RuleSettings
from entrepot.model.replication import DeletionMode, ReplicationTrigger, TaskLine
from entrepot.web.operators.administration import AdminPage
from entrepot.web.pages import Page, redirect
from entrepot.web.requests import PageRequest, PageRoute

_MOST_SHOWN: Final = 50


@dataclass(frozen=True, slots=True)
class RuleLine:
    """A rule as the list shows it: nothing secret; `lag` is in seconds."""

    name: str
    url: str
    repositories: str
    tags: str
    trigger: str
    waiting: int
    running: int
    conflicts: int
    failed: int
    lag: int
    sent_bytes: int
    problem: str
    tasks: Sequence[TaskLine] = ()


@dataclass(kw_only=True)
class ReplicationPage(AdminPage):
    """Every rule with the tags that are not there, and a form to add one."""

    template: ClassVar[str] = "administration/replication.html"
    rules: list[RuleLine] = field(default_factory=list)
    tested: str = ""
    answer: str = ""
    failed: bool = False


async def show_rules(request: PageRequest) -> ReplicationPage:
    """The list of rules."""
    replication, now = request.app.replication, request.app.now()
    lines = []
    for status in await replication.list_status():
        rule, left = status.rule, status.waiting + status.conflicts + status.failed
        tasks = await replication.list_tasks(rule.name, _MOST_SHOWN) if left else ()
        lines.append(
            RuleLine(
                rule.name,
                rule.url,
                " ".join(rule.repositories) or "*",
                " ".join(rule.tags) or "*",
                rule.trigger.value,
                status.waiting,
                status.running,
                status.conflicts,
                status.failed,
                round(status.lag(now)),
                rule.sent_bytes,
                rule.problem,
                tasks,
            )
        )
    return ReplicationPage(title="Replication", current="replication", rules=lines)


async def change_rules(request: PageRequest) -> Page | Response:
    """Add a rule, ask its destination, or compare every tag with it."""
    form, replication = request.form, request.app.replication
    name, what = form.get("name").strip(), form.get("what")
    if what == "add":
        trigger, deletes = form.get("trigger"), form.get("deletes")
        known = trigger in set(ReplicationTrigger)
        settings = RuleSettings(
            form.get("url").strip(),
            form.get("username").strip(),
            form.get("password"),
            tuple(form.get("repositories").split()),
            tuple(form.get("tags").split()),
            prefix=form.get("prefix").strip(),
            trigger=ReplicationTrigger(trigger) if known else ReplicationTrigger.PUSH,
            deletes=DeletionMode.FOLLOW if deletes == "on" else DeletionMode.NEVER,
            allows_private=form.get("private") == "on",
        )
        await replication.add(name, settings, request.actor)
    elif what == "run":
        await replication.run(name, request.actor)
    elif what == "test":
        page = await show_rules(request)
        page.tested = name
        try:
            page.answer = await replication.test(name)
        except EntrepotError as error:
            page.answer, page.failed = error.message, True
        return page
    return redirect("/admin/replication", said="saved")


ROUTES: Final = (
    PageRoute("GET", "/admin/replication", AccessRule.HUB_ADMIN, show_rules),
    PageRoute("POST", "/admin/replication", AccessRule.HUB_ADMIN, change_rules),
)
