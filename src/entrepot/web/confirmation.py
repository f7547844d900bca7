"""Asks before what is hard to undo: the same form once more, with what it does in words.

It works without scripts, and the door asks for every route in the table: no handler needs to.
"""

from dataclasses import dataclass
from typing import ClassVar, Final

from entrepot.http.forms import Form
from entrepot.web.home import local_address
from entrepot.web.pages import Page
from entrepot.web.requests import PageRequest

_CONFIRMED: Final = "confirmed"
_NOT_AGAIN: Final = ("token", _CONFIRMED)
_TEAM: Final = "/u/{namespace}/-/teams/{team}"
_MEMBERS: Final = "/u/{namespace}/-/members"
_KEYS: Final = "/u/{namespace}/-/keys"
_DANGERS: Final = {
    ("/admin/users", "what", "admin"): "admin",
    ("/admin/users", "what", "not-admin"): "not-admin",
    ("/admin/users", "what", "disable"): "disable",
    ("/admin/users", "what", "second-factor"): "second-factor",
    ("/admin/users/selected", "what", "disable"): "disable",
    (_TEAM, "what", "delete"): "team",
    (_MEMBERS, "role", ""): "member",
    (_MEMBERS, "role", "owner"): "owner",
    (_KEYS, "what", "remove"): "key",
    ("/admin/trust-roots", "what", "remove"): "trust-root",
    ("/admin/pull-rules/{rule}", "what", "delete"): "pull-rule",
    ("/admin/pull-rules/{rule}", "what", "run-and-delete"): "pull-rule-deletions",
    ("/settings/tokens/revoke", "", ""): "token",
    ("/u/{namespace}/-/tokens/revoke", "", ""): "token",
}
"""Route, field and value of what is asked about, and the words for it in `confirm.html`."""
_SUBJECTS: Final = ("name", "member", "id", "select")
"""The fields that say of whom or what; one of them is there in every form that is asked about."""
_MOST_NAMED: Final = 50


@dataclass(kw_only=True)
class ConfirmPage(Page):
    """The confirmation of a form: `fields` are sent again, to the same address."""

    template: ClassVar[str] = "confirm.html"
    danger: str
    subject: str
    count: int
    """How many are named in `subject`."""
    place: str
    fields: list[tuple[str, str]]
    back: str


def find_danger(pattern: str, form: Form) -> str:
    """Return the form's action that must be confirmed; empty where none, or if it was."""
    if form.has(_CONFIRMED):
        return ""
    for (route, field, value), danger in _DANGERS.items():
        if route == pattern and (not field or (form.has(field) and form.get(field) == value)):
            is_whole = danger == "team" or any(form.get(each) for each in _SUBJECTS)
            return danger if is_whole else ""
    return ""


def ask(request: PageRequest, danger: str) -> Page:
    """The page that asks."""
    named = [request.values.get("team", "")] if danger == "team" else _subjects(request.form)
    return ConfirmPage(
        title="Are you sure?",
        danger=danger,
        subject=", ".join(named[:_MOST_NAMED]),
        count=len(named),
        place=request.values.get("namespace", ""),
        fields=[each for each in request.form.fields if each[0] not in _NOT_AGAIN],
        back=local_address(request.form.get("back") or "/"),
    )


def _subjects(form: Form) -> list[str]:
    """Those whom the form is about: one, or all that were selected."""
    for field in _SUBJECTS:
        named = [each.strip() for each in form.get_all(field) if each.strip()]
        if named:
            return named
    return []
