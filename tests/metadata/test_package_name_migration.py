"""Packages of before base names were kept are found by them after the upgrade."""

from pathlib import Path

from sqlalchemy import text

from entrepot.metadata.engines import databases
from entrepot.metadata.migrate import upgrade_sqlite

_INSERT = "INSERT INTO packages (name, version, purl, licenses) VALUES (:name, '', '', '')"


def test_what_is_there_already_gets_its_base_name(tmp_path: Path) -> None:
    place = tmp_path / "older.db"
    databases.upgrade_to(place, "0009")
    names = ("openssl", "org.apache/log4j-core", "a:b", "@babel/core", "odd/", "")
    with databases.writing(place) as connection:
        for name in names:
            connection.execute(text(_INSERT), {"name": name})
    upgrade_sqlite(place)
    with databases.reading(place) as connection:
        rows = connection.execute(text("SELECT name, base_name FROM packages"))
        found = {str(row[0]): row[1] for row in rows}
    assert found == {
        "openssl": None,
        "org.apache/log4j-core": "log4j-core",
        "a:b": "b",
        "@babel/core": "core",
        "odd/": None,
        "": None,
    }
