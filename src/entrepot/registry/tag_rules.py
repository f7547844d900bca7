"""Immutable tags: set once, and neither moved nor removed by anybody afterwards."""

from dataclasses import dataclass

from entrepot.errors import TagImmutable
from entrepot.kinds.recognition.attachments import attached_to
from entrepot.metadata.engines.engine import Reader
from entrepot.metadata.registry import policies
from entrepot.oci.tag_patterns import TagPatterns


@dataclass(frozen=True, slots=True)
class ImmutableTags:
    """Which tags of one repository are to stay where they point, and who says so."""

    of_repository: TagPatterns
    of_namespace: TagPatterns

    def find(self, tag: str) -> tuple[str, str] | None:
        """Who says it (`repository`, `namespace`) and by which pattern, `None` for other tags.

        Tags by which clients attach signatures are never immutable: each signing moves them.
        """
        if attached_to(tag) is not None:
            return None
        for who, patterns in (("repository", self.of_repository), ("namespace", self.of_namespace)):
            pattern = patterns.find(tag)
            if pattern is not None:
                return who, pattern
        return None


async def find_immutable_tags(reader: Reader, repository_id: int) -> ImmutableTags:
    """The rules about one repository's tags."""
    of_namespace, of_repository = await policies.find_of_repository(reader, repository_id)
    return ImmutableTags(
        TagPatterns.parse(of_repository.immutable), TagPatterns.parse(of_namespace.immutable)
    )


async def check_may_change(reader: Reader, repository_id: int, tag: str) -> None:
    """Raise `TagImmutable` where the tag is to stay where it points."""
    rule = (await find_immutable_tags(reader, repository_id)).find(tag)
    if rule is not None:
        who, pattern = rule
        raise TagImmutable(
            f"the tag {tag} is immutable: it matches the rule {pattern} of the {who}",
            {"tag": tag, "rule": pattern, "of": who},
        )
