"""`python -m torture kill`: kill a server while clients push, and prove that nothing was lost."""

import argparse
import asyncio
import secrets
import shutil
import socket
import sys
import tempfile
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from torture.kills import Ordeal, Result, random_moments
from torture.servers import Server, ServerFailed

SHOWN = 20


def main() -> int:
    """Run what the command line asks for; 1 when something was lost."""
    arguments = _parse()
    console = Console()
    place = Path(tempfile.mkdtemp(prefix="entrepot-torture-"))
    server = Server(place / "data", arguments.port or _free_port(), arguments.workers)
    try:
        result = _run(console, server, arguments)
    except ServerFailed as failure:
        result = Result(arguments.seed, complaints=[str(failure)])
    finally:
        _stop(server)
    _report(console, server, result)
    if result.complaints:
        console.print(f"seed {result.seed}; everything is kept in {place}", soft_wrap=True)
        return 1
    shutil.rmtree(place)
    return 0


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m torture", description=__doc__)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    kill = commands.add_parser("kill", help="kill the server's processes at random moments")
    kill.add_argument("--moments", type=int, default=200, help="how often (default 200)")
    kill.add_argument("--clients", type=int, default=8, help="how many push (default 8)")
    kill.add_argument("--workers", type=int, default=2, help="of the server (default 2)")
    kill.add_argument("--seed", type=int, default=secrets.randbelow(10**6), help="repeat a run")
    kill.add_argument("--port", type=int, default=0, help="of the server (default: a free one)")
    return parser.parse_args()


def _run(console: Console, server: Server, arguments: argparse.Namespace) -> Result:
    columns = (
        TextColumn("[bold]killing"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TextColumn("{task.fields[note]}"),
    )
    with Progress(*columns, console=console) as bar:
        task = bar.add_task("", total=arguments.moments, note=f"seed {arguments.seed}")

        def show(result: Result) -> None:
            note = f"{result.acknowledged:,} acknowledged, {result.in_doubt} in doubt"
            bar.update(task, completed=result.moments, note=note)

        ordeal = Ordeal(server, seed=arguments.seed, clients=arguments.clients)
        moments = random_moments(arguments.seed, arguments.moments)
        return asyncio.run(ordeal.run(moments, show))


def _report(console: Console, server: Server, result: Result) -> None:
    for complaint in result.complaints[:SHOWN]:
        console.print(complaint, style="red", markup=False, highlight=False)
    if len(result.complaints) > SHOWN:
        console.print(f"and {len(result.complaints) - SHOWN} more")
    if result.complaints:
        console.print("the server's last words:", server.tail(), sep="\n", markup=False)
    verdict = "nothing lost" if not result.complaints else f"{len(result.complaints)} complaints"
    console.print(
        f"{verdict}: {result.moments} moments, {result.requests:,} requests under fire,"
        f" {result.acknowledged:,} acknowledged, {result.in_doubt:,} in doubt,"
        f" {result.checked:,} read back, slowest start {result.slowest_start:.2f} s,"
        f" seed {result.seed}",
        soft_wrap=True,
        highlight=False,
    )


def _stop(server: Server) -> None:
    try:
        server.stop()
    except ServerFailed as failure:
        sys.stderr.write(f"{failure}\n")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


if __name__ == "__main__":
    sys.exit(main())
