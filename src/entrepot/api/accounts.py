"""Whoever asks: their account, and what is theirs."""

from typing import Final

from msgspec import Struct

from entrepot.api.calls import Call, route
from entrepot.api.fields import Moment
from entrepot.http.routing import Policy
from entrepot.hub.actors import Action


class Me(Struct, frozen=True):
    """Who asks, and the most that they may do this way.

    An organisation's token has its organisation's name and no account. `repositories` are what a
    token is limited to, `null` for every one.
    """

    name: str
    full_name: str
    email: str
    is_admin: bool
    has_second_factor: bool
    created_at: Moment | None
    actions: list[Action]
    repositories: list[str] | None


async def get_me(call: Call) -> Me:
    """Who asks."""
    identity, account = call.identity, call.identity.account
    return Me(
        name=identity.name.partition(":")[0],
        full_name=account.full_name if account else "",
        email=account.email if account else "",
        is_admin=identity.may_everything,
        has_second_factor=account.has_second_factor if account else False,
        created_at=account.created_at if account else None,
        actions=sorted(identity.ceiling),
        repositories=None if identity.patterns is None else list(identity.patterns),
    )


ROUTES: Final = (route("GET", "/me", Policy.SIGNED_IN, get_me),)
