"""Changes that replication rules follow: tags are queued in the transaction that changes them.

What is queued is the tag's name alone: where it points is read when it is pushed.
"""

from collections.abc import Iterator
from datetime import datetime

from entrepot.kinds.recognition.attachments import attached_to
from entrepot.metadata.engines.engine import Transaction
from entrepot.metadata.replication import replication_rules, replication_tasks
from entrepot.model.replication import DeletionMode, ReplicationRule
from entrepot.model.repositories import ChangeType, RepositoryChange


async def queue_change(tx: Transaction, change: RepositoryChange, now: datetime) -> None:
    """Have destinations told of what was pushed, restored or deleted; one look without rules."""
    repository = change.repository
    if change.event is ChangeType.CREATED or repository.is_mirrored:
        return
    for rule in await replication_rules.list_on_push(tx):
        if rule.covers(repository.name.text):
            for tag in dict.fromkeys(_changed(rule, change)):
                await replication_tasks.ask(tx, rule.id, repository.id, tag, now, now)


def _changed(rule: ReplicationRule, change: RepositoryChange) -> Iterator[str]:
    """The tags that changed, and the digests of what something was attached to."""
    if change.event is not ChangeType.PUSHED:
        gone = change.tags if change.event is ChangeType.UNTAGGED else change.untagged
        if rule.deletes is DeletionMode.FOLLOW:
            yield from (tag for tag in gone if attached_to(tag) is None and rule.covers_tag(tag))
        return
    if rule.with_attachments and change.manifest is not None:
        subject = change.manifest.subject
        yield from [] if subject is None else [str(subject.digest)]
    for tag, previous in zip(change.tags, change.previous, strict=True):
        subject_of_tag = attached_to(tag)
        if previous == change.digest:
            continue
        if subject_of_tag is None:
            yield from [tag] if rule.covers_tag(tag) else []
        elif rule.with_attachments:
            yield subject_of_tag
