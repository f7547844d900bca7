"""A number that grows with every change of who may do what, whichever program makes it.

What is read about an account's rights is good for as long as the number stays. Triggers count, so
that programs of the version before count too. What is read and decides nothing is not watched: when
a token was last used, how often a repository was pulled, when somebody pushed to it.
"""

from alembic import op

revision = "0019"
down_revision = "0018"

ALWAYS = (
    *("accounts", "namespaces", "members", "teams", "team_members", "team_rights", "redirects"),
    "mirrors",
)
"""Tables of which every change counts."""
COLUMNS = {
    "repositories": ("id", "namespace_id", "name", "visibility", "archived_at", "is_mirrored"),
    "tokens": (
        *("id", "account_id", "kind", "parent_id", "label", "secret_hash", "scope"),
        *("expires_at", "revoked_at", "namespace_id", "repositories"),
    ),
}
"""Columns whose change counts, of tables that are written to often."""


def upgrade() -> None:
    """Add to what is there; nothing of it is lost."""
    op.execute("CREATE TABLE rights_revision (revision BIGINT NOT NULL)")
    op.execute("INSERT INTO rights_revision (revision) VALUES (0)")
    changes = dict.fromkeys(ALWAYS, "INSERT OR UPDATE OR DELETE")
    # A token that was not there yet has let nobody in.
    changes["repositories"] = f"INSERT OR DELETE OR UPDATE OF {', '.join(COLUMNS['repositories'])}"
    changes["tokens"] = f"DELETE OR UPDATE OF {', '.join(COLUMNS['tokens'])}"
    if op.get_bind().dialect.name == "postgresql":
        _count_on_postgresql(changes)
        return
    for table, which in changes.items():
        for change in which.split(" OR "):
            name = f"rights_{table}_{change.split()[0].lower()}"
            op.execute(
                f"CREATE TRIGGER {name} AFTER {change} ON {table}"  # noqa: S608 - our own words
                " BEGIN UPDATE rights_revision SET revision = revision + 1; END"
            )


def _count_on_postgresql(changes: dict[str, str]) -> None:
    # The number of the transaction: a second change in it finds that it is written already.
    op.execute(
        "CREATE FUNCTION entrepot_rights() RETURNS trigger LANGUAGE plpgsql AS $$ DECLARE"
        " now bigint := pg_current_xact_id()::text::bigint; BEGIN"
        " UPDATE rights_revision SET revision = now WHERE revision <> now;"
        " RETURN NULL; END $$"
    )
    for table, which in changes.items():
        # As the transaction commits: a lock that all changes take must be taken last.
        op.execute(
            f"CREATE CONSTRAINT TRIGGER rights AFTER {which} ON {table} DEFERRABLE INITIALLY"
            " DEFERRED FOR EACH ROW EXECUTE FUNCTION entrepot_rights()"
        )
