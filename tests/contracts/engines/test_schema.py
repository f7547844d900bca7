"""The migrations make exactly the schema that the queries are written for."""

import re
import threading
from pathlib import Path

import psycopg
import pytest
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Engine, PrimaryKeyConstraint, UniqueConstraint, create_engine
from sqlalchemy.pool import NullPool

from entrepot.errors import Unavailable
from entrepot.metadata import migrate
from entrepot.metadata.engines.sqlite_driver import dbapi2
from entrepot.metadata.engines.sqlite_file import connect
from entrepot.metadata.schema import SCHEMA

_KEYS = (PrimaryKeyConstraint, UniqueConstraint)
SCRIPTS = Path(migrate.__file__).parent / "migrations" / "versions"


def sqlite_engine(path: Path) -> Engine:
    """The file as SQLAlchemy sees it."""
    return create_engine(
        "sqlite://", module=dbapi2, creator=lambda: connect(path), poolclass=NullPool
    )


def differences(engine: Engine) -> list[object]:
    """What a migration would have to change."""
    with engine.connect() as connection:
        # SQLite has no identities: Alembic would take them for defaults that are missing.
        defaults = connection.dialect.name == "postgresql"
        # The search index is each engine's own, and changes of rights are counted by triggers: the
        # code's tables describe neither.
        others = ("search", "rights_revision")
        options = {
            "compare_server_default": defaults,
            "include_name": lambda name, kind, _: kind != "table" or not name.startswith(others),
        }
        context = MigrationContext.configure(connection, opts=options)
        return list(compare_metadata(context, SCHEMA))


def statements(path: Path) -> set[str]:
    """What made the file, Alembic's own table aside."""
    dumped = migrate.dump_sqlite_schema(path).splitlines()
    return {each for each in dumped if "alembic_version" not in each}


def test_the_scripts_make_the_schema_on_sqlite(tmp_path: Path) -> None:
    path = tmp_path / "scripts.db"
    migrate.upgrade_sqlite_by_scripts(path)
    assert differences(sqlite_engine(path)) == []


def test_a_first_start_makes_what_the_scripts_make(tmp_path: Path) -> None:
    scripts, first = tmp_path / "scripts.db", tmp_path / "first.db"
    migrate.upgrade_sqlite_by_scripts(scripts)
    assert migrate.dump_sqlite_schema(scripts) == migrate.SQLITE_SCHEMA.read_text()
    migrate.upgrade_sqlite(first)
    assert statements(first) == statements(scripts)
    assert differences(sqlite_engine(first)) == []


def test_the_scripts_make_the_same_tables_as_the_code_on_sqlite(tmp_path: Path) -> None:
    """Row ids too, which Alembic does not compare."""
    scripts, code = tmp_path / "scripts.db", tmp_path / "code.db"
    migrate.upgrade_sqlite_by_scripts(scripts)
    SCHEMA.create_all(sqlite_engine(code))
    without = {each.partition("(")[0] for each in statements(scripts) if "WITHOUT ROWID" in each}
    assert without == {
        each.partition("(")[0] for each in statements(code) if "WITHOUT ROWID" in each
    }


def test_upgrading_again_changes_nothing(tmp_path: Path) -> None:
    path = tmp_path / "entrepot.db"
    migrate.upgrade_sqlite(path)
    before = migrate.dump_sqlite_schema(path)
    migrate.upgrade_sqlite(path)
    migrate.upgrade_sqlite_by_scripts(path)
    assert migrate.dump_sqlite_schema(path) == before


def test_nodes_that_start_together_make_one_schema(tmp_path: Path) -> None:
    path = tmp_path / "entrepot.db"
    failures: list[BaseException] = []

    def start() -> None:
        try:
            migrate.upgrade_sqlite(path)
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=start) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    assert differences(sqlite_engine(path)) == []


def test_the_newest_script_is_the_one_that_a_start_expects() -> None:
    config = Config()
    config.set_main_option("script_location", str(migrate.SQLITE_SCHEMA.parent))
    assert ScriptDirectory.from_config(config).get_heads() == [migrate.HEAD]


def test_what_names_a_repository_is_found_without_reading_whole_tables() -> None:
    """Deleting one asks every table that may name it."""
    unled = []
    for table in SCHEMA.sorted_tables:
        keys = [each for each in table.constraints if isinstance(each, _KEYS)]
        first = {next(iter(each.columns)).name for each in [*keys, *table.indexes]}
        unled += [
            f"{table.name}.{column.name}"
            for key in table.foreign_key_constraints
            for column in key.columns
            if key.referred_table.name == "repositories" and column.name not in first
        ]
    assert unled == []


@pytest.mark.postgresql
def test_the_scripts_make_the_schema_on_postgresql(migrated_postgres: str) -> None:
    engine = create_engine(
        migrated_postgres.replace("postgresql://", "postgresql+psycopg://"), poolclass=NullPool
    )
    assert differences(engine) == []


@pytest.mark.postgresql
def test_upgrading_postgresql_again_changes_nothing(migrated_postgres: str) -> None:
    migrate.upgrade_postgresql(migrated_postgres)
    with psycopg.connect(migrated_postgres) as connection:
        rows = connection.execute("SELECT version_num FROM alembic_version").fetchall()
    assert rows == [(migrate.HEAD,)]


@pytest.mark.postgresql
def test_names_of_postgresql_sort_by_bytes_whatever_the_database_does(
    migrated_postgres: str,
) -> None:
    with psycopg.connect(migrated_postgres) as connection:
        query = "SELECT x FROM (VALUES ('B'), ('a')) AS t(x) ORDER BY x"
        assert [row[0] for row in connection.execute(query)] == ["a", "B"]
        collations = connection.execute(
            "SELECT table_name, column_name FROM information_schema.columns"
            " WHERE collation_name = 'C' AND table_schema = 'public'"
        ).fetchall()
    assert {("repositories", "name"), ("tags", "name"), ("blobs", "digest")} <= set(collations)


def test_a_url_of_another_database_is_refused() -> None:
    for url in ("mysql://host/db", "host/db", "postgresql+psycopg://host/db"):
        with pytest.raises(ValueError, match="begins with postgresql"):
            migrate.upgrade_postgresql(url)


@pytest.mark.parametrize("script", sorted(SCRIPTS.glob("0*.py")), ids=lambda path: path.stem)
def test_an_older_node_goes_on_under_a_newer_schema(script: Path) -> None:
    """While nodes are upgraded one by one, the old ones must find all that they know."""
    upgrade = script.read_text().partition("def upgrade")[2].partition("\ndef downgrade")[0]
    assert upgrade
    taken = re.findall(
        r"\b(drop_(?:table|column|constraint)|rename_table|alter_column|new_column_name)\b"
        r"|\b(DROP\s+(?:TABLE|COLUMN)|RENAME\s+(?:TO|COLUMN)|SET\s+NOT\s+NULL)\b",
        upgrade,
    )
    assert taken == []


@pytest.mark.postgresql
def test_a_later_schema_is_used_if_it_says_so_and_is_never_taken_back(postgres_url: str) -> None:
    migrate.upgrade_postgresql(postgres_url)
    with psycopg.connect(postgres_url, autocommit=True) as connection:
        try:
            for since, is_usable in ((migrate.HEAD, True), ("9997", False), (None, False)):
                change = "UPDATE alembic_version SET version_num = '9998', compatible_since = %s"
                connection.execute(change, [since])
                if is_usable:
                    migrate.upgrade_postgresql(postgres_url)
                else:
                    with pytest.raises(Unavailable, match="schema 9998 of a later version"):
                        migrate.upgrade_postgresql(postgres_url)
                row = connection.execute("SELECT version_num FROM alembic_version").fetchone()
                assert row == ("9998",)
        finally:
            change = "UPDATE alembic_version SET version_num = %s, compatible_since = %s"
            connection.execute(change, [migrate.HEAD, migrate.COMPATIBLE_SINCE])


@pytest.mark.postgresql
def test_every_engine_is_told_which_older_programs_may_use_it(
    tmp_path: Path, postgres_url: str
) -> None:
    told = (migrate.HEAD, migrate.COMPATIBLE_SINCE)
    for make in (migrate.upgrade_sqlite, migrate.upgrade_sqlite_by_scripts):
        path = tmp_path / make.__name__
        make(path)
        assert connect(path).execute("SELECT * FROM alembic_version").fetchone() == told
    migrate.upgrade_postgresql(postgres_url)
    with psycopg.connect(postgres_url) as connection:
        assert connection.execute("SELECT * FROM alembic_version").fetchone() == told
