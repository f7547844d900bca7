"""`entrepot trust`: makes this machine trust the local CA of `--tls auto`."""

import shutil
import subprocess
from pathlib import Path
from typing import Annotated, Final

import typer

from entrepot.cli.common.output import Data, Json, confirm, fail, print_json

_STORES: Final = (
    (Path("/usr/local/share/ca-certificates"), ("update-ca-certificates",)),
    (Path("/etc/pki/ca-trust/source/anchors"), ("update-ca-trust", "extract")),
    (Path("/etc/ca-certificates/trust-source/anchors"), ("trust", "extract-compat")),
)


def trust(
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask for confirmation.")] = False,
    show: Annotated[bool, typer.Option("--print", help="Only print the commands.")] = False,
    data: Data = None,
    as_json: Json = False,
) -> None:
    """Add the hub's local CA to the system's trust store, after asking."""
    from entrepot.cli.common.configuration import read_settings

    settings = read_settings(data=data)
    ca = (settings.tls_directory / "ca.crt").resolve()
    if not ca.exists():
        fail(f"there is no CA in {settings.data} (make one with: entrepot serve --tls auto)")
    store = next((each for each in _STORES if each[0].is_dir()), None)
    if store is None:
        fail(f"unknown certificate store: add {ca} by hand")
    target = store[0] / "entrepot-local-ca.crt"
    commands = [f"sudo cp {ca} {target}", "sudo " + " ".join(store[1])]
    if show:
        print_json({"ca": str(ca), "commands": commands}) if as_json else print(*commands, sep="\n")
        return
    if not yes:
        confirm(f"Copy {ca} to {target} and refresh the system's trust store?")
    _install(ca, target, store[1])
    if as_json:
        print_json({"ca": str(ca), "installed": str(target)})
    else:
        print(f"Installed {target}. Restart running clients such as dockerd.")


def _install(ca: Path, target: Path, refresh: tuple[str, ...]) -> None:
    program = shutil.which(refresh[0])
    if program is None:
        fail(f"{refresh[0]} is not installed")
    try:
        shutil.copyfile(ca, target)
        # The program's name comes from the list above.
        subprocess.run([program, *refresh[1:]], check=True, capture_output=True)  # noqa: S603
    except PermissionError:
        fail("root is required: use sudo, or see --print")
    except subprocess.CalledProcessError as error:
        fail(f"{refresh[0]} failed: {error.stderr.decode(errors='replace').strip()}")
