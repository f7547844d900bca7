"""The tags of a repository that a pull rule is about: by patterns, versions, and number."""

from collections.abc import Callable, Collection
from dataclasses import dataclass
from functools import partial

from entrepot.kinds.recognition.attachments import is_hidden_tag
from entrepot.kinds.versions import channel_of, version_key
from entrepot.model.mirroring.pull_rules import RuleSettings
from entrepot.oci.tag_expressions import TagExpression
from entrepot.oci.tag_patterns import matches_any
from entrepot.versions.semver_ranges import SemverRange

Test = Callable[[str], bool]


@dataclass(frozen=True, slots=True)
class TagChoice:
    """Some tags of all."""

    include: list[Test]
    exclude: list[Test]
    versions: list[Test]
    newest: int | None

    @classmethod
    def of(cls, settings: RuleSettings) -> "TagChoice":
        """The choice of the settings; raises `Invalid` where an expression or range is wrong."""
        return cls(
            _compile(settings.include),
            _compile(settings.exclude),
            [SemverRange.parse(each).holds for each in settings.versions],
            settings.newest,
        )

    def choose(self, tags: Collection[str]) -> list[str]:
        """The tags of all that are wanted, the greatest version first; takes its time."""
        wanted = (tag for tag in tags if not is_hidden_tag(tag) and self.takes(tag))
        found = sorted(wanted, key=lambda tag: (version_key(tag), tag))
        if self.newest is not None:
            found = [tag for tag in found if channel_of(tag)][-self.newest :]
        return found[::-1]

    def takes(self, tag: str) -> bool:
        """Say whether the patterns and ranges have the tag among them, whatever it is."""
        if any(holds(tag) for holds in self.exclude):
            return False
        groups = (self.include, self.versions)
        return all(not each or any(holds(tag) for holds in each) for each in groups)


def _compile(patterns: Collection[str]) -> list[Test]:
    """A test for each pattern; those between slashes are regular expressions."""
    found: list[Test] = []
    for each in patterns:
        if len(each) > 1 and each.startswith("/") and each.endswith("/"):
            found.append(TagExpression(each[1:-1]).matches)
        else:
            found.append(partial(matches_any, [each]))
    return found
