"""`/admin/pull-rules`: rules by which tags of other registries are kept here."""

from dataclasses import dataclass
from typing import ClassVar, Final

from msgspec import ValidationError, convert

from entrepot.errors import Invalid
from entrepot.http.authorize import AccessRule
from entrepot.http.messages import Response
from entrepot.model.mirroring.pull_rules import PullRule, RuleSettings, RuleTag
from entrepot.web.operators.administration import AdminPage
from entrepot.web.pages import redirect
from entrepot.web.requests import PageRequest, PageRoute

_PLACE: Final = "/admin/pull-rules"
_MOST_TAGS: Final = 500
_MOST_PREVIEWED: Final = 50


@dataclass(kw_only=True)
class PullRulesPage(AdminPage):
    """Every pull rule, and a form to add one."""

    template: ClassVar[str] = "administration/pull_rules.html"
    rules: list[PullRule]


@dataclass(kw_only=True)
class PullRulePage(AdminPage):
    """A pull rule with the outcome for each tag; `is_preview`: the planned one."""

    template: ClassVar[str] = "administration/pull_rule.html"
    rule: PullRule
    tags: list[RuleTag]
    has_more: bool
    is_preview: bool = False
    note: str = ""


async def show_rules(request: PageRequest) -> PullRulesPage:
    """The list of pull rules."""
    rules = await request.app.pull_rules.list_all()
    return PullRulesPage(title="Pull rules", current="pull-rules", rules=rules)


async def add_rule(request: PageRequest) -> Response:
    """Create a pull rule from the form."""
    form = request.form
    given = {
        "source": form.get("source").strip(),
        "target": form.get("into").strip(),
        "include": form.get("include").split(),
        "exclude": form.get("exclude").split(),
        "platforms": form.get("platforms").replace(",", " ").split(),
        "newest": form.get("newest").strip() or None,
        "attachments": form.get("attachments") or "all",
        "schedule": form.get("schedule").strip(),
        "delete": "follow" if form.get("follow") == "on" else "keep",
    }
    try:
        settings = convert(given, RuleSettings, strict=False)
    except ValidationError as error:
        raise Invalid(str(error)) from error
    made = await request.app.pull_rules.add(form.get("name").strip(), settings, request.actor)
    return redirect(f"{_PLACE}/{made.name}", said="saved")


async def show_rule(request: PageRequest) -> PullRulePage:
    """A pull rule, its last run, and its tags; with `?preview=1` what a run would do."""
    app = request.app
    rule = await app.pull_rules.get(request.values["rule"])
    if request.query("preview"):
        found = await app.rule_runs.preview(rule, _MOST_PREVIEWED)
        tags, has_more, note = found.tags, found.left_out > 0, found.waits
    else:
        tags = await app.pull_rules.list_tags(rule, "", _MOST_TAGS + 1)
        has_more, note = len(tags) > _MOST_TAGS, ""
    return PullRulePage(
        title=rule.name,
        current="pull-rules",
        rule=rule,
        tags=tags[:_MOST_TAGS],
        has_more=has_more,
        is_preview=bool(request.query("preview")),
        note=note,
    )


async def change_rule(request: PageRequest) -> Response:
    """Have the rule run, or delete it."""
    name, what = request.values["rule"], request.form.get("what")
    rules = request.app.pull_rules
    if what == "delete":
        await rules.remove(name, request.actor)
        return redirect(_PLACE, said="saved")
    if what in ("run", "run-and-delete"):
        await rules.ask_to_run(name, confirmed=what == "run-and-delete", by=request.actor)
    return redirect(f"{_PLACE}/{name}", said="saved")


ROUTES: Final = (
    PageRoute("GET", _PLACE, AccessRule.HUB_ADMIN, show_rules),
    PageRoute("POST", _PLACE, AccessRule.HUB_ADMIN, add_rule),
    PageRoute("GET", f"{_PLACE}/{{rule}}", AccessRule.HUB_ADMIN, show_rule),
    PageRoute("POST", f"{_PLACE}/{{rule}}", AccessRule.HUB_ADMIN, change_rule),
)
