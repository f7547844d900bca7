"""Makes kinds that need no code of their own: a mark, words, and a command or two."""

from collections.abc import Callable, Sequence

from entrepot.kinds import shell
from entrepot.kinds.commands import Command, Language, Place
from entrepot.kinds.evidence import Evidence
from entrepot.kinds.kind import Extractor, Family, Kind, Tab
from entrepot.kinds.marks import Recognizes
from entrepot.kinds.words import DescribesOf, FactsOf, describe, no_facts

Line = tuple[str, str, str] | tuple[str, str, str, Language]
"""A tool, a title, and a template as `shell.filled` takes it."""

CommandsOf = Callable[[Place, Evidence], tuple[Command, ...]]

FILES = (Tab.README, Tab.FILES, Tab.CONFIG)


def no_commands(place: Place, evidence: Evidence) -> tuple[Command, ...]:
    """None beyond the templates."""
    return ()


def simple(
    id_: str,
    name: str,
    plural: str,
    family: Family,
    icon: str,
    recognizes: Recognizes,
    lines: Sequence[Line] = (),
    facts: FactsOf = no_facts,
    *,
    tabs: tuple[Tab, ...] = FILES,
    extractor: Extractor = Extractor.FILES,
    hub_type: str = "unrecognized",
    is_attachment: bool = False,
    describes: DescribesOf = describe,
    made: CommandsOf = no_commands,
) -> Kind:
    """A kind whose own commands, `made` of what it says or templates, come before all others."""

    def commands(place: Place, evidence: Evidence) -> tuple[Command, ...]:
        # Without a tag there is nothing to say to a tool that takes only tags.
        own = tuple(_command(each, place) for each in lines if place.tag or "{tag}" not in each[2])
        rest = shell.inspect_only if evidence.children else shell.generic
        return (*made(place, evidence), *own, *rest(place, evidence))

    return Kind(
        id=id_,
        name=name,
        plural=plural,
        family=family,
        icon=icon,
        recognizes=recognizes,
        commands=commands,
        describe=describes,
        facts=facts,
        tabs=tabs,
        extractor=extractor,
        is_attachment=is_attachment,
        hub_type=hub_type,
    )


def _command(line: Line, place: Place) -> Command:
    language = line[3] if len(line) == 4 else Language.SHELL
    return Command(line[0], line[1], shell.filled(line[2], place, line[0]), language)
