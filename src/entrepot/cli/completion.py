"""`entrepot completion`: completion for shells, written from the parser itself."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated

import typer
from typer._click.core import Command
from typer.core import TyperGroup


class Shell(StrEnum):
    """A shell."""

    BASH = "bash"
    ZSH = "zsh"
    FISH = "fish"


@dataclass(frozen=True, slots=True)
class Option:
    """An option: its names, the first line of its help, and its values where they are known."""

    names: tuple[str, ...]
    help: str
    is_flag: bool
    choices: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Place:
    """A command by its words, such as `entrepot repo list`, with what may follow.

    `commands` are words with their help: commands of a group, or the known values of an argument.
    """

    words: str
    commands: tuple[tuple[str, str], ...]
    options: tuple[Option, ...]


def completion(
    context: typer.Context,
    shell: Annotated[Shell, typer.Argument(help="The shell.")],
) -> None:
    """Print completion for a shell: source <(entrepot completion bash)."""
    places = list(_places(context.find_root().command, "entrepot"))
    write = {Shell.BASH: _bash, Shell.ZSH: _zsh, Shell.FISH: _fish}[shell]
    print("\n".join(write(places)))


def _places(command: Command, words: str) -> Iterator[Place]:
    group = command.commands if isinstance(command, TyperGroup) else {}
    found = {name: each for name, each in sorted(group.items()) if not each.hidden}
    commands = [(name, each.get_short_help_str(60)) for name, each in found.items()]
    options = [Option(("--help",), "Show help.", is_flag=True, choices=())]
    for parameter in command.params:
        choices = _choices(parameter)
        if parameter.param_type_name == "argument":
            commands += [(choice, "") for choice in choices]
        elif not getattr(parameter, "hidden", False):
            text = str(getattr(parameter, "help", None) or "").partition(". ")[0]
            is_flag = bool(getattr(parameter, "is_flag", False))
            names = (*parameter.opts, *parameter.secondary_opts)
            options.append(Option(names, text, is_flag, choices))
    yield Place(words, tuple(commands), tuple(options))
    for name, each in found.items():
        yield from _places(each, f"{words} {name}")


def _choices(parameter: object) -> tuple[str, ...]:
    """The values of an enumeration; of other parameters nobody knows them."""
    annotation = getattr(getattr(parameter, "type_descriptor", None), "annotation", None)
    if isinstance(annotation, type) and issubclass(annotation, StrEnum):
        return tuple(annotation)
    return ()


def _follows(place: Place) -> tuple[list[str], list[str]]:
    """The commands and the options that may follow, options only where there are no commands."""
    names = [name for option in place.options for name in option.names]
    return [name for name, _ in place.commands], names


def _bash(places: Sequence[Place]) -> Iterator[str]:
    known = "|".join(f'"{place.words}"' for place in places[1:])
    yield "# Completion of entrepot for bash: source <(entrepot completion bash)"
    yield "_entrepot() {"
    yield "    local current=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD-1]}"
    yield "    local place=entrepot words= i"
    yield "    for ((i = 1; i < COMP_CWORD; i++)); do"
    yield '        case "$place ${COMP_WORDS[i]}" in'
    yield f'            {known}) place="$place ${{COMP_WORDS[i]}}" ;;'
    yield "        esac"
    yield "    done"
    yield from _values_in_bash(places)
    yield '    case "$place" in'
    for place in places:
        commands, options = _follows(place)
        yield f'        "{place.words}")'
        yield f'            if [[ $current == -* ]]; then words="{" ".join(options)}"'
        yield f'            else words="{" ".join(commands)}"; fi ;;'
    yield "    esac"
    yield '    COMPREPLY=($(compgen -W "$words" -- "$current"))'
    yield "}"
    yield "complete -o default -F _entrepot entrepot"


def _values_in_bash(places: Sequence[Place]) -> Iterator[str]:
    """Where the word before is an option with a value, complete that: one known, or a file."""
    yield '    case "$place $before" in'
    for place in places:
        for option in place.options:
            if option.is_flag:
                continue
            names = "|".join(f'"{place.words} {name}"' for name in option.names)
            words = " ".join(option.choices)
            yield f'        {names}) COMPREPLY=($(compgen -W "{words}" -- "$current")); return ;;'
    yield "    esac"


def _zsh(places: Sequence[Place]) -> Iterator[str]:
    yield "#compdef entrepot"
    yield "# Completion of entrepot for zsh: source <(entrepot completion zsh)"
    yield "_entrepot() {"
    yield "    local place=entrepot word"
    yield "    local -a commands options"
    yield "    for word in ${words[2,CURRENT-1]}; do"
    yield '        case "$place $word" in'
    known = "|".join(f'"{place.words}"' for place in places[1:])
    yield f'            {known}) place="$place $word" ;;'
    yield "        esac"
    yield "    done"
    yield '    case "$place ${words[CURRENT-1]}" in'
    for place in places:
        for option in place.options:
            if not option.is_flag:
                names = "|".join(f'"{place.words} {name}"' for name in option.names)
                then = f"compadd -- {' '.join(option.choices)}" if option.choices else "_files"
                yield f"        {names}) {then}; return ;;"
    yield "    esac"
    yield '    case "$place" in'
    for place in places:
        commands = " ".join(_quoted(f"{name}:{text}") for name, text in place.commands)
        options = " ".join(
            _quoted(f"{name}:{option.help}") for option in place.options for name in option.names
        )
        yield f'        "{place.words}") commands=({commands}); options=({options}) ;;'
    yield "    esac"
    yield "    if [[ $PREFIX == -* ]]; then _describe option options"
    yield "    elif (( $#commands )); then _describe command commands"
    yield "    else _files; fi"
    yield "}"
    yield "compdef _entrepot entrepot"


def _fish(places: Sequence[Place]) -> Iterator[str]:
    yield "# Completion of entrepot for fish: entrepot completion fish | source"
    yield "function __entrepot_place"
    yield "    set -l place entrepot"
    yield "    for word in (commandline -opc)[2..-1]"
    yield '        switch "$place $word"'
    yield f"            case {' '.join(_quoted(place.words) for place in places[1:])}"
    yield '                set place "$place $word"'
    yield "        end"
    yield "    end"
    yield '    test "$place" = "$argv"'
    yield "end"
    for place in places:
        head = f"complete -c entrepot -n {_quoted(f'__entrepot_place {place.words}')}"
        for name, text in place.commands:
            yield f"{head} -f -a {name} -d {_quoted(text)}"
        for option in place.options:
            names = " ".join(
                f"-l {name[2:]}" if name.startswith("--") else f"-s {name[1:]}"
                for name in option.names
            )
            value = "" if option.is_flag else " -r"
            if option.choices:
                value = f" -x -a {_quoted(' '.join(option.choices))}"
            yield f"{head} {names}{value} -d {_quoted(option.help)}"


def _quoted(text: str) -> str:
    """The text in single quotes, for zsh and fish; a quote in it is one that ends no text."""
    plain = text.replace("\\", "").replace("'", "\u2019")
    return f"'{plain}'"
