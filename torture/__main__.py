"""`python -m torture COMMAND`: hurt a server on purpose, and prove that nothing was lost."""

import sys
from collections.abc import Sequence

from rich.console import Console

from torture.clocks_command import CLOCKS
from torture.commands import Command, parse, run
from torture.crowds_command import CROWDS
from torture.kill_command import KILL
from torture.power_command import POWER
from torture.shortages_command import SHORTAGES
from torture.siege_commands import NODES, S3
from torture.soak_command import SOAK
from torture.steps_command import STEPS
from torture.syscalls_command import SYSCALLS

COMMANDS: Sequence[Command] = (
    KILL,
    POWER,
    SYSCALLS,
    SHORTAGES,
    CROWDS,
    NODES,
    STEPS,
    S3,
    CLOCKS,
    SOAK,
)


def main() -> int:
    """Run what the command line asks for; 1 when something was lost."""
    return run(parse(COMMANDS, __doc__), Console())


if __name__ == "__main__":
    sys.exit(main())
