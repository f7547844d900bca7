"""`entrepot secrets`: how the secrets in the database are kept."""

from typing import TYPE_CHECKING

import typer

from entrepot.cli.common.output import Data, counted, with_app

if TYPE_CHECKING:
    from entrepot.app import App

app = typer.Typer(
    no_args_is_help=True,
    help="Manage the encrypted secrets of the database.",
    rich_markup_mode=None,
)


@app.callback()
def _root() -> None:
    """Manage the encrypted secrets of the database."""


@app.command("unwrap")
def unwrap(data: Data = None) -> None:
    """Decrypt the secrets for an older version; the next start encrypts them again."""

    async def work(hub: "App") -> int:
        from entrepot.hub.identity.keyring import unwrap_all

        return await unwrap_all(hub.metadata, hub.keyring)

    count = with_app(data, work)
    print(f"Decrypted {counted(count, 'secret')}.")
