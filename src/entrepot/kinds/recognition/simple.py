"""Makes kinds that need no code of their own: a mark, words, and a command or two."""

from collections.abc import Callable, Sequence

from entrepot.kinds import shell
from entrepot.kinds.commands import Command, CommandTarget, Language
from entrepot.kinds.descriptions import DescribesOf, FactsOf, describe, no_facts
from entrepot.kinds.recognition.kind import Extractor, Family, Kind, Tab
from entrepot.kinds.recognition.manifest_view import ManifestView
from entrepot.kinds.recognition.predicates import Recognizes

Line = tuple[str, str, str] | tuple[str, str, str, Language]
"""A tool, a title, and a template as `shell.filled` takes it."""

CommandsOf = Callable[[CommandTarget, ManifestView], tuple[Command, ...]]

FILES = (Tab.README, Tab.FILES, Tab.CONFIG)


def no_commands(target: CommandTarget, view: ManifestView) -> tuple[Command, ...]:
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

    def commands(target: CommandTarget, view: ManifestView) -> tuple[Command, ...]:
        # Without a tag there is nothing to say to a tool that takes only tags.
        own = (_command(line, target) for line in lines if target.tag or "{tag}" not in line[2])
        rest = shell.inspect_only if view.children else shell.generic
        return (*made(target, view), *own, *rest(target, view))

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


def _command(line: Line, target: CommandTarget) -> Command:
    language = line[3] if len(line) == 4 else Language.SHELL
    return Command(line[0], line[1], shell.filled(line[2], target, line[0]), language)
