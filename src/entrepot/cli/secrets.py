"""`entrepot secrets`: how the secrets in the database are kept."""

from typing import TYPE_CHECKING

import typer

from entrepot.cli.output import Data, counted, with_app

if TYPE_CHECKING:
    from entrepot.app import App

app = typer.Typer(
    no_args_is_help=True, help="Secrets that the database holds.", rich_markup_mode=None
)


@app.callback()
def _root() -> None:
    """Secrets that the database holds."""


@app.command("unwrap")
def unwrap(data: Data = None) -> None:
    """Store secrets unwrapped, for an older version; the next start wraps them again."""

    async def work(hub: "App") -> int:
        from entrepot.hub.keyring import unwrap_all

        return await unwrap_all(hub.metadata, hub.keyring)

    count = with_app(data, work)
    print(f"Unwrapped {counted(count, 'secret')}.")
