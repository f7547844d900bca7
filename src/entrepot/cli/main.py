"""The command `entrepot` and its groups."""

from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from entrepot import __version__
from entrepot.cli import (
    audit,
    ci,
    completion,
    invite,
    ldap,
    orgs,
    policies,
    pull_policies,
    serve,
    tokens,
    trust,
    trust_roots,
    users,
    vulnerabilities,
    webhooks,
)
from entrepot.cli.common.output import explain, fail
from entrepot.cli.contents import diff, promote, repos, search, tags
from entrepot.cli.declarations import commands
from entrepot.cli.hubs import login
from entrepot.cli.maintenance import (
    backups,
    check,
    collect,
    layouts,
    migrate,
    reindex,
    scrub,
    secrets,
)
from entrepot.cli.mirroring import imports, mirrors, prefetch, replication, rules
from entrepot.errors import EntrepotError


class Commands(TyperGroup):
    """Every command ends with one line where the machine, the database or the storage fails."""

    def invoke(self, ctx: Any) -> Any:
        """Run the command; what has a name and goes wrong is told, never shown as a traceback."""
        try:
            return super().invoke(ctx)
        except EntrepotError as error:
            fail(error.message)
        except OSError as error:
            fail(explain(error))


app = typer.Typer(
    cls=Commands,
    name="entrepot",
    help="A self-hosted hub for every software artifact.",
    no_args_is_help=True,
    # Typer's asks a new process at each Tab; ours is a script (`entrepot completion`).
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
app.command("serve")(serve.serve)
app.command("login")(login.login)
app.command("logout")(login.logout)
app.command("whoami")(login.whoami)
app.command("search")(search.search)
app.command("diff")(diff.diff)
app.command("apply")(commands.apply)
orgs.app.command("export")(commands.export)
app.command("trust")(trust.trust)
app.command("check")(check.check)
app.command("collect")(collect.collect)
app.command("quota")(policies.quota)
app.command("retain")(policies.retain)
app.command("exempt")(pull_policies.exempt)
app.command("backup")(backups.backup)
app.command("restore")(backups.restore)
app.command("scrub")(scrub.scrub)
app.command("export")(layouts.export)
app.command("import")(layouts.import_)
app.command("promote")(promote.promote)
app.command("reindex")(reindex.reindex)
app.command("migrate")(migrate.migrate)
app.command("invite")(invite.invite)
app.command("completion")(completion.completion)
app.add_typer(users.app, name="user")
app.add_typer(orgs.app, name="org")
app.add_typer(tokens.app, name="token")
app.add_typer(repos.app, name="repo")
app.add_typer(tags.app, name="tag")
app.add_typer(audit.app, name="audit")
app.add_typer(webhooks.app, name="webhook")
app.add_typer(vulnerabilities.app, name="vulnerabilities")
app.add_typer(pull_policies.app, name="policy")
app.add_typer(trust_roots.app, name="trust-root")
app.add_typer(secrets.app, name="secrets")
mirrors.app.command("prefetch")(prefetch.prefetch)
mirrors.app.command("import")(imports.import_)
mirrors.app.add_typer(rules.app, name="rule")
app.add_typer(mirrors.app, name="mirror")
app.add_typer(replication.app, name="replication")
app.add_typer(ci.app, name="ci")
app.add_typer(ldap.app, name="ldap")


def _show_version(wanted: bool) -> None:
    if wanted:
        print(f"entrepot {__version__}")
        raise typer.Exit


@app.callback()
def _root(
    version: Annotated[
        bool,
        typer.Option("--version", help="Show the version.", callback=_show_version, is_eager=True),
    ] = False,
) -> None:
    """A self-hosted hub for every software artifact."""
