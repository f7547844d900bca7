"""The audit log: written in the transaction of what it tells of, and chained by hashes.

Each row's hash covers the hash of the row before: who changes or removes a row in the middle would
have to write every later one again, and a copy of any later hash shows that.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from typing import Final

from entrepot.errors import Denied
from entrepot.hub.events.outbox import enqueue_change
from entrepot.hub.events.replicated import queue_change
from entrepot.hub.people.actors import Actor
from entrepot.hub.permissions import Permissions, check_administrator
from entrepot.metadata.engines.engine import Clock, Metadata, Reader, Transaction, to_instant
from entrepot.metadata.events import audit
from entrepot.metadata.repositories import ChangeListener
from entrepot.model.audit import AuditQuery, AuditRow
from entrepot.model.repositories import ChangeType, RepositoryChange

_PAGE: Final = 500
_MAX_TEXT: Final = 500

Details = Mapping[str, str | int | bool | None]
"""The details of an entry beside its target; never a secret."""


class Audited(StrEnum):
    """The recorded actions, in Docker Hub's words where it has one."""

    ACCOUNT_CREATE = "account.create"
    ACCOUNT_DELETE = "account.delete"
    ACCOUNT_DISABLE = "account.disable"
    ACCOUNT_EDIT = "account.edit"
    ACCOUNT_ENABLE = "account.enable"
    ACCOUNT_PASSWORD = "account.password"  # noqa: S105 - an action, not a password
    ACCOUNT_SECOND_FACTOR = "account.second_factor"
    ACCOUNT_LINK = "account.link"
    SIGN_IN = "account.signin"
    SIGN_IN_FAILED = "account.signin.failed"
    GRANT_END = "grant.end"
    GRANT_OPEN = "grant.open"
    GROUP_MAP = "group.map"
    GROUP_UNMAP = "group.unmap"
    EXEMPTION_ADD = "exemption.add"
    EXEMPTION_REMOVE = "exemption.remove"
    INVITATION_ACCEPT = "invitation.accept"
    INVITATION_CREATE = "invitation.create"
    INVITATION_REVOKE = "invitation.revoke"
    ISSUER_CREATE = "issuer.create"
    ISSUER_DELETE = "issuer.delete"
    ISSUER_EDIT = "issuer.update"
    KEY_DISTRUST = "key.distrust"
    KEY_TRUST = "key.trust"
    MEMBER_ADD = "org.member.add"
    MEMBER_REMOVE = "org.member.remove"
    MEMBER_ROLE = "org.member.role"
    MIRROR_CREATE = "mirror.create"
    MIRROR_DELETE = "mirror.delete"
    MIRROR_EDIT = "mirror.update"
    ORG_CREATE = "org.create"
    ORG_DELETE = "org.delete"
    ORG_EDIT = "org.edit"
    ORG_POLICY = "org.policy"
    ORG_PULL_POLICY = "org.pull_policy"
    ORG_QUOTA = "org.quota"
    MANIFEST_DELETE = "repo.manifest.delete"
    PULL_RULE_CREATE = "pull_rule.create"
    PULL_RULE_DELETE = "pull_rule.delete"
    PULL_RULE_EDIT = "pull_rule.update"
    REPLICATION_CREATE = "replication.create"
    REPLICATION_DELETE = "replication.delete"
    REPLICATION_RUN = "replication.run"
    REPO_ARCHIVE = "repo.archive"
    REPO_CREATE = "repo.create"
    REPO_DELETE = "repo.delete"
    REPO_EDIT = "repo.update"
    REPO_POLICY = "repo.policy"
    REPO_PROMOTE = "repo.promote"
    REPO_PULL_POLICY = "repo.pull_policy"
    REPO_RENAME = "repo.rename"
    REPO_TRANSFER = "repo.transfer"
    REPO_UNARCHIVE = "repo.unarchive"
    REPO_VISIBILITY = "repo.visibility"
    ROOT_ADD = "trust_root.add"
    ROOT_REMOVE = "trust_root.remove"
    TAG_DELETE = "repo.tag.delete"
    TAG_PUSH = "repo.tag.push"
    TEAM_CREATE = "team.create"
    TEAM_DELETE = "team.delete"
    TEAM_EDIT = "team.edit"
    TEAM_MEMBER_ADD = "team.member.add"
    TEAM_MEMBER_REMOVE = "team.member.remove"
    TEAM_RIGHT = "team.right"
    TRUST_CREATE = "trust.create"
    TRUST_DELETE = "trust.delete"
    TRUST_EDIT = "trust.update"
    WEBHOOK_CREATE = "webhook.create"
    WEBHOOK_DELETE = "webhook.delete"
    WEBHOOK_EDIT = "webhook.update"
    WEBHOOK_PING = "webhook.ping"
    WEBHOOK_REDELIVER = "webhook.redeliver"
    WEBHOOK_SECRET = "webhook.secret"  # noqa: S105 - an action, not a secret
    TOKEN_CREATE = "token.create"  # noqa: S105 - an action, not a token
    TOKEN_REVOKE = "token.revoke"  # noqa: S105 - an action, not a token


_ACTIONS: Final = {
    ChangeType.CREATED: Audited.REPO_CREATE,
    ChangeType.PUSHED: Audited.TAG_PUSH,
    ChangeType.UNTAGGED: Audited.TAG_DELETE,
    ChangeType.DELETED: Audited.MANIFEST_DELETE,
}


@dataclass(frozen=True, slots=True)
class Entry:
    """Something that is being done; `namespace_id` is `None` where it is to the hub itself."""

    namespace_id: int | None
    actor: Actor
    action: Audited
    target: str
    details: Details = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class AuditListing:
    """Some rows, newest first, and what the next page begins before (`None`: this is the last)."""

    rows: list[AuditRow]
    next_before: int | None


async def record(tx: Transaction, entry: Entry, now: datetime) -> None:
    """Add the entry to the log, if and when the transaction is committed.

    The row is added last in the transaction: from there on no other transaction can record anything
    until the transaction ends, so nothing may be waited for after it.
    """
    tx.at_end(lambda: _add(tx, entry, now))


async def _add(tx: Transaction, entry: Entry, now: datetime) -> None:
    previous = await audit.find_last_hash(tx)
    row = AuditRow(
        id=0,
        at=now,
        namespace_id=entry.namespace_id,
        actor_id=entry.actor.identity.account_id,
        actor=_shown(entry.actor.name),
        action=entry.action,
        target=_shown(entry.target),
        details=_json(dict(entry.details)),
        address=_shown(entry.actor.address),
        request=_shown(entry.actor.request),
        hash="",
    )
    await audit.insert_row(tx, _sealed(row, previous))


async def verify(reader: Reader) -> int | None:
    """The id of the first row that is not as it was written; `None` where all are."""
    previous, last_id = "", 0
    while rows := await audit.list_rows_after(reader, last_id, _PAGE):
        for row in rows:
            if _sealed(row, previous).hash != row.hash:
                return row.id
            previous, last_id = row.hash, row.id
    return None


def audit_and_notify(actor: Actor, now: Clock) -> ChangeListener:
    """Return the recorder of the actor's changes to repositories.

    It raises `Denied`, and the change is not made, where a job writes a tag that is not one of its
    trusts' tags: every way to change a tag passes here.
    """

    async def note(tx: Transaction, change: RepositoryChange) -> None:
        _check_tags(actor, change)
        await enqueue_change(tx, change, actor, now())
        await queue_change(tx, change, now())
        action = Audited.REPO_PROMOTE if change.promoted_from else _ACTIONS[change.event]
        # A manifest that is pushed without a tag is a part of what is tagged next.
        if change.event is ChangeType.PUSHED and not change.tags and not change.promoted_from:
            return
        name = change.repository.name.text
        target = f"{name}:{change.tags[0]}" if change.tags else name
        details: dict[str, str] = {}
        if change.digest:
            details["digest"] = change.digest
        if change.tags:
            details["tag"] = " ".join(change.tags)
        if change.promoted_from:
            details["from"] = change.promoted_from
        entry = Entry(change.repository.namespace_id, actor, action, target, details)
        await record(tx, entry, now())

    return note


def _check_tags(actor: Actor, change: RepositoryChange) -> None:
    job = actor.identity.job
    if job is None or change.event is ChangeType.CREATED:
        return
    name = change.repository.name.text
    # With a manifest goes what tags that the job may not write depend on.
    tags = (None,) if change.event is ChangeType.DELETED else change.tags
    for tag in tags:
        if not job.may_write(name, tag):
            what = "delete manifests" if tag is None else f"write the tag {tag}"
            raise Denied(f"the trusts of this job do not allow it to {what} in {name}")


class AuditLog:
    """The log as administrators and owners read it."""

    def __init__(self, metadata: Metadata, permissions: Permissions, now: Clock) -> None:
        self._metadata = metadata
        self._permissions = permissions
        self._now = now

    async def list_all(self, actor: Actor, query: AuditQuery, limit: int = 50) -> AuditListing:
        """Rows of the whole hub, for its administrators."""
        check_administrator(actor.identity)
        return await self._page(query, limit)

    async def list_of(
        self, actor: Actor, namespace: str, query: AuditQuery, limit: int = 50
    ) -> AuditListing:
        """Rows of one namespace, for its owners."""
        found = await self._permissions.namespace_to_administer(actor.identity, namespace)
        return await self._page(replace(query, namespace_id=found.id), limit)

    async def verify(self) -> int | None:
        """The id of the first row that is not as it was written; `None` where all are."""
        return await verify(self._metadata.reader)

    async def note(self, entry: Entry) -> None:
        """Record an event that changes nothing else, for example a failed attempt to sign in."""
        async with self._metadata.begin() as tx:
            await record(tx, entry, self._now())

    async def _page(self, query: AuditQuery, limit: int) -> AuditListing:
        rows = await audit.list_rows(self._metadata.reader, query, limit + 1)
        more = len(rows) > limit
        return AuditListing(rows[:limit], rows[limit - 1].id if more else None)


def _sealed(row: AuditRow, previous: str) -> AuditRow:
    told = [
        to_instant(row.at),
        row.namespace_id,
        row.actor_id,
        row.actor,
        row.action,
        row.target,
        row.details,
        row.address,
        row.request,
    ]
    digest = hashlib.sha256((previous + _json(told)).encode()).hexdigest()
    return replace(row, hash=digest)


def _json(value: object) -> str:
    """Canonical: the same text for the same value. ASCII, so that no character can pose."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"))


def _shown(text: str) -> str:
    """One line without control characters, of a bounded length."""
    return "".join(each if each.isprintable() else "\N{REPLACEMENT CHARACTER}" for each in text)[
        :_MAX_TEXT
    ]
