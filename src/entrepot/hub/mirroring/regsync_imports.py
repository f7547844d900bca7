"""Imports of regsync's files: the mirrors and pull rules of a plan are made, or changed."""

from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from msgspec import structs

from entrepot.errors import NameTaken, NotFound
from entrepot.hub.mirroring.pull_rules import PullRules
from entrepot.hub.mirrors import Mirrors, MirrorSettings
from entrepot.hub.names import find_namespace
from entrepot.hub.people.actors import OPERATOR, Actor
from entrepot.metadata.engines.engine import Metadata
from entrepot.model.mirroring.pull_rules import RuleSettings
from entrepot.model.mirrors import Mirror

if TYPE_CHECKING:
    # Late: it reads YAML, and workers do not.
    from entrepot.hub.mirroring.regsync import RegsyncPlan


@dataclass(frozen=True, slots=True)
class Imported:
    """A mirror or a rule, and whether it is made (`add`), changed (`change`) or there (`skip`)."""

    kind: str
    name: str
    action: str
    note: str = ""


class RegsyncImports:
    """Makes what a file of regsync stands for; a second import of the same file changes nothing."""

    def __init__(self, metadata: Metadata, mirrors: Mirrors, rules: PullRules) -> None:
        self._metadata = metadata
        self._mirrors = mirrors
        self._rules = rules

    async def run(
        self, plan: "RegsyncPlan", by: Actor = OPERATOR, *, dry_run: bool = False
    ) -> list[Imported]:
        """Make the mirrors, then the rules; raises `NotFound` where a target's namespace lacks.

        A mirror that is here for the same registry is used as it is.
        """
        await self._check_targets(plan)
        done, renamed = list[Imported](), dict[str, str]()
        here = await self._mirrors.list_all()
        for name, settings in plan.mirrors.items():
            found = next((each for each in here if _is_same(each, settings)), None)
            if found is not None:
                renamed[name] = found.name
                done.append(Imported("mirror", found.name, "skip", _difference(found, settings)))
                continue
            if await find_namespace(self._metadata.reader, name) is not None:
                raise NameTaken(f"{name} is the name of an account or of another mirror already")
            if not dry_run:
                await self._mirrors.add(name, settings, by)
            url = settings.url or settings.preset
            done.append(Imported("mirror", name, "add", url))
        known = {each.name: each.settings for each in await self._rules.list_all()}
        for name, chosen in plan.rules.items():
            settled = _below(chosen, renamed)
            action = "skip" if known.get(name) == settled else "change" if name in known else "add"
            if action == "add" and not dry_run:
                await self._rules.add(name, settled, by)
            elif action == "change" and not dry_run:
                await self._rules.edit(name, settled, by)
            note = f"{settled.source} to {settled.target}"
            done.append(Imported("rule", name, action, note))
        return done

    async def _check_targets(self, plan: "RegsyncPlan") -> None:
        """Raise before anything is made."""
        names = {each.target_name.namespace or "" for each in plan.rules.values()}
        reader = self._metadata.reader
        lacking = [each for each in sorted(names) if await find_namespace(reader, each) is None]
        if lacking:
            listed = ", ".join(lacking)
            raise NotFound(f"there are no users or organizations {listed}: create them first")


def _is_same(mirror: Mirror, settings: MirrorSettings) -> bool:
    if settings.preset:
        return mirror.preset == settings.preset
    one, other = urlsplit(mirror.url), urlsplit(settings.url)
    return (one.scheme, one.netloc) == (other.scheme, other.netloc)


def _difference(mirror: Mirror, settings: MirrorSettings) -> str:
    if settings.username and settings.username != mirror.username:
        return "it is here already, and keeps its own credentials"
    return "it is here already"


def _below(settings: RuleSettings, renamed: dict[str, str]) -> RuleSettings:
    """The rule with the name of the mirror that is here."""
    first, slash, rest = settings.source.partition("/")
    return structs.replace(settings, source=f"{renamed.get(first, first)}{slash}{rest}")
