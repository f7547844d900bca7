"""`python -m faults COMMAND`: hurt a server on purpose, and prove that nothing was lost."""

import sys
from collections.abc import Sequence

from rich.console import Console

from faults.clock_jumps_command import CLOCKS
from faults.commands import Command, parse, run
from faults.crowds_command import CROWDS
from faults.kill_command import KILL
from faults.node_chaos_commands import NODES, S3
from faults.power_command import POWER
from faults.shortages_command import SHORTAGES
from faults.soak_command import SOAK
from faults.steps_command import STEPS
from faults.syscalls_command import SYSCALLS

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
