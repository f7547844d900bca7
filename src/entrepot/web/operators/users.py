"""`/admin/users`: everybody who may sign in, what is done with them, and the list as CSV."""

import csv
import io
from collections.abc import Sequence
from dataclasses import astuple, dataclass, fields
from datetime import datetime
from typing import ClassVar, Final

from entrepot.errors import Invalid
from entrepot.http.authorize import AccessRule
from entrepot.http.messages import Response, content
from entrepot.model.operators.usage import AccountUsage, UsageOrder
from entrepot.web.contents.downloads import cell, disposition
from entrepot.web.operators.administration import ListPage, list_page
from entrepot.web.pages import Page, redirect
from entrepot.web.requests import PageRequest, PageRoute

_EXPORTED: Final = 10_000
"""Accounts of one CSV file, in the order that is asked for; the API pages through all of them."""
_MOST_SELECTED: Final = 50


@dataclass(frozen=True, slots=True)
class UserLine:
    """An account as the list shows it: nothing secret."""

    name: str
    full_name: str
    email: str
    is_admin: bool
    is_disabled: bool
    has_second_factor: bool
    created_at: datetime
    seen_at: datetime | None
    size: int


@dataclass(kw_only=True)
class UsersPage(ListPage):
    """Everybody who may sign in."""

    template: ClassVar[str] = "administration/users.html"
    users: list[UserLine]
    link: str = ""


async def show_users(request: PageRequest, link: str = "") -> Page:
    """A page of accounts that have the text that is looked for; `link` is one just made."""
    listing = request.app.administration.list_accounts
    found, pager, query, order = await list_page(request, UsageOrder.NAME, listing)
    return UsersPage(
        title="Users",
        current="users",
        users=_user_lines(found),
        pager=pager,
        query=query,
        order=order,
        link=link,
    )


def _user_lines(found: Sequence[AccountUsage]) -> list[UserLine]:
    return [
        UserLine(
            each.account.name,
            each.account.full_name,
            each.account.email,
            each.account.is_admin,
            each.account.disabled_at is not None,
            each.account.has_second_factor,
            each.account.created_at,
            each.seen_at,
            each.size,
        )
        for each in found
    ]


async def change_user(request: PageRequest) -> Page | Response:
    """Create an account, change one, or make a link for a new password."""
    form, accounts, actor = request.form, request.app.accounts, request.actor
    name, what = form.get("name").strip(), form.get("what")
    if what == "add":
        await accounts.add(name, form.get("password"), by=actor)
    elif what == "disable":
        await accounts.disable(name, actor)
    elif what == "enable":
        await accounts.enable(name, actor)
    elif what in ("admin", "not-admin"):
        await accounts.set_admin(name, what == "admin", actor)
    elif what == "second-factor":
        await request.app.second_factors.remove(await accounts.get(name), actor)
    elif what == "link":
        secret = await request.app.password_links.begin(await accounts.get(name), actor)
        return await show_users(request, f"{request.origin}/welcome/{secret}")
    elif what == "invite":
        _, secret = await request.app.invitations.invite(actor)
        return await show_users(request, f"{request.origin}/invitations/{secret}")
    return redirect("/admin/users", said="saved")


async def change_selected(request: PageRequest) -> Response:
    """Disable or enable the selected accounts; where one may not be changed, none is."""
    accounts, actor = request.app.accounts, request.actor
    names, what = request.form.get_all("select"), request.form.get("what")
    if len(names) > _MOST_SELECTED or what not in ("disable", "enable"):
        raise Invalid(f"select at most {_MOST_SELECTED} accounts, to disable or to enable them")
    found = [await accounts.get(name) for name in dict.fromkeys(names)]
    if actor.account is not None and actor.account.id in {each.id for each in found}:
        raise Invalid("your own account is selected: another administrator can change it")
    for each in found:
        await (accounts.disable if what == "disable" else accounts.enable)(each.name, actor)
    return redirect("/admin/users", said="saved")


async def export_users(request: PageRequest) -> Response:
    """The accounts that have the text that is looked for, in the order that is asked for."""
    text, query = request.query("sort"), request.query("q")[:100]
    order = UsageOrder(text) if text in frozenset(UsageOrder) else UsageOrder.NAME
    found, total = await request.app.administration.list_accounts(order, query, _EXPORTED, 0)
    table = io.StringIO()
    writer = csv.writer(table)
    writer.writerow([each.name for each in fields(UserLine)])
    for line in _user_lines(found):
        writer.writerow([cell(_said(value)) for value in astuple(line)])
    if total > len(found):
        writer.writerow([f"(only the first {_EXPORTED} accounts)"])
    headers = [("content-disposition", disposition("hub-users.csv"))]
    return content(200, "text/csv; charset=utf-8", table.getvalue().encode(), headers)


def _said(value: object) -> str:
    """A value as programs read it: times in ISO 8601, `true` and `false`, bytes in digits."""
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, bool):
        return str(value).lower()
    return "" if value is None else str(value)


ROUTES: Final = (
    PageRoute("GET", "/admin/users", AccessRule.HUB_ADMIN, show_users),
    PageRoute("POST", "/admin/users", AccessRule.HUB_ADMIN, change_user),
    PageRoute("POST", "/admin/users/selected", AccessRule.HUB_ADMIN, change_selected),
    PageRoute("GET", "/admin/users.csv", AccessRule.HUB_ADMIN, export_users),
)
