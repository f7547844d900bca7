"""Names of accounts and organizations: which can be, which are kept back, and who has which."""

import re
from datetime import datetime
from typing import Final

from entrepot.errors import InvalidAccount, NameTaken
from entrepot.metadata.engines.engine import Reader, Transaction
from entrepot.metadata.people import accounts
from entrepot.model.people.accounts import Account, Namespace, NamespaceKind
from entrepot.model.repositories import Visibility
from entrepot.upstream.presets import PRESETS

_NAME: Final = re.compile(r"[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*")
MAX_NAME: Final = 64

_KEPT_BACK: Final = (
    "about account accounts admin administrator anonymous api assets auth blog callback cli "
    "docs entrepot explore favicon.ico health healthz help home hub image images index "
    "invitation invitations library login logout me metrics mirror mirrors new oauth official "
    "oidc operator org orgs password privacy r readyz register registry repositories "
    "repository robots.txt root search security session sessions settings setup sign-in sign- "
    "out sign-up signin signout signup star stars static status support system team teams "
    "terms token tokens u user users v1 v2 webhook webhooks welcome well-known www helm hf "
    "llms.txt localhost mcp"
)
_OF_DOCKER_HUB: Final = (
    "users auth access-tokens api_tokens auditlogs orgs namespaces repositories invites scim "
    "search categories user"
)
FIRST_WORDS: Final = frozenset(_OF_DOCKER_HUB.split())
"""The first words of paths of Docker Hub's API below `/v2/`: repositories there would hide it."""
RESERVED: Final = frozenset(_KEPT_BACK.split()) | FIRST_WORDS
"""Names that only the operator gives: they look like parts of the hub itself."""


def check_name(name: str) -> None:
    """Raise `InvalidAccount` unless the name can be the first component of a repository's."""
    if len(name) > MAX_NAME or not _NAME.fullmatch(name):
        raise InvalidAccount(
            f"invalid name: use 1 to {MAX_NAME} lower-case letters and digits, with "
            "single dots, dashes or underscores between them"
        )


def check_namespace_name(name: str) -> None:
    """As `check_name`, and raise `NameTaken` for names that nobody gives, the operator neither."""
    check_name(name)
    if name in FIRST_WORDS:
        raise NameTaken(f"{name} is reserved: it is a part of addresses below /v2/")


def check_free_name(name: str) -> None:
    """As `check_name`, and raise `NameTaken` for what is kept back, as mirrors' names are."""
    check_name(name)
    if name in RESERVED or name in PRESETS:
        raise NameTaken(f"{name} is taken")


def check_chosen_name(name: str) -> None:
    """As `check_free_name`, for names that anybody may choose: none looks like a host.

    `ghcr.example/app` is an image on another registry to whoever reads it, and to Docker.
    """
    check_free_name(name)
    if "." in name:
        raise NameTaken(
            f"{name} is reserved: names with a dot look like another registry's host; "
            "use a dash, or ask an administrator"
        )


def fold_name(name: str) -> str:
    """The name as it is stored: people write `HubUser` for `hubuser`.

    Letters outside ASCII are left alone: folding them would make one name of two that look alike.
    """
    return name.lower() if name.isascii() else name


async def find_account(reader: Reader, name: str) -> Account | None:
    """The account of that name in any case of its letters, disabled ones included."""
    return await accounts.find_account(reader, fold_name(name))


async def find_namespace(reader: Reader, name: str) -> Namespace | None:
    """The namespace of that name in any case of its letters."""
    return await accounts.find_namespace(reader, fold_name(name))


async def claim(
    tx: Transaction, name: str, kind: NamespaceKind, visibility: Visibility, now: datetime
) -> int:
    """The id of a new namespace of that name; raise `NameTaken` where there is one."""
    claimed = await accounts.insert_namespace(tx, name, kind, visibility, now)
    if claimed is None:
        raise NameTaken(f"{name} is taken")
    return claimed
