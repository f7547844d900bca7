"""The parts of a search that SQLite and PostgreSQL spell differently.

SQLite has an FTS5 table without content, PostgreSQL a column of type tsvector. Both are given words
that are already split, so that they find the same: neither parses text by rules of its own.
"""

import json
from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from sqlalchemy import Float, TextClause, column
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler

from entrepot.metadata.engines.engine import SqlStatement, Value
from entrepot.metadata.tables import NUMBER
from entrepot.model.search import Term, tokens_of

_LAST_POSITION: Final = 16_383
_MOST_BYTES: Final = 500_000
"""Of one text's words; PostgreSQL takes a megabyte in all, positions included."""
_WEIGHTS: Final = {"name": "A", "title": "B", "body": "C"}


class EngineText(TextClause):
    """A piece of SQL in the words of each engine, over the same values."""

    inherit_cache = False

    def __init__(self, sqlite: str, postgresql: str) -> None:
        super().__init__(sqlite)
        self.postgresql = TextClause(postgresql)


@compiles(EngineText)
def _compile_for_sqlite(element: EngineText, compiler: SQLCompiler, **options: object) -> str:
    return str(TextClause._compiler_dispatch(element, compiler, **options))


@compiles(EngineText, "postgresql")
def _compile_for_postgresql(element: EngineText, compiler: SQLCompiler, **options: object) -> str:
    return compiler.process(element.postgresql, **options)


def is_among(column: str, bind: str, kind: str = "bigint") -> EngineText:
    """Whether the column is one of the values of a JSON list; `kind` is PostgreSQL's type."""
    elements = f"json_array_elements_text(CAST(:{bind} AS json))"
    values = f"(SELECT CAST(value AS {kind}) FROM {elements})"  # noqa: S608 - our own words
    return EngineText(
        f"{column} IN (SELECT value FROM json_each(:{bind}))",  # noqa: S608
        f"{column.removeprefix('+')} = ANY (ARRAY{values})",
    )


def matches(bind: str) -> EngineText:
    """Whether the repository's texts match what `matching` made of the terms."""
    return _matching(bind, "IN")


def misses(bind: str) -> EngineText:
    """Whether they do not."""
    return _matching(bind, "NOT IN")


def _matching(bind: str, among: str) -> EngineText:
    found = f"WHERE search MATCH :{bind}_fts5"
    found_there = f"WHERE words @@ CAST(:{bind}_tsquery AS tsquery)"
    return EngineText(
        f"repositories.id {among} (SELECT rowid FROM search {found})",  # noqa: S608 - our own words
        f"repositories.id {among} (SELECT repository_id FROM search {found_there})",  # noqa: S608
    )


TEXTS: Final = (
    EngineText(
        "SELECT rowid AS id, rank AS fit FROM search WHERE search MATCH :words_fts5",
        "SELECT repository_id AS id,"
        " -ts_rank_cd(words, CAST(:words_tsquery AS tsquery), 1) AS fit"
        " FROM search WHERE words @@ CAST(:words_tsquery AS tsquery)",
    )
    .columns(column("id", NUMBER), column("fit", Float))
    .subquery("texts")
)
"""The repositories that words lead to, and how well each fits; the least is best."""

IS_EXACTLY: Final = EngineText(
    "('/' || repositories.name) LIKE :exactly ESCAPE '!'",
    "('/' || repositories.name) LIKE :exactly ESCAPE '!'",
)
"""Whether the whole name, or its end, is what was typed."""

WRITE: Final = SqlStatement(
    EngineText(
        "INSERT OR REPLACE INTO search (rowid, name, title, body)"
        " VALUES (:of, :name, :title, :body)",
        "INSERT INTO search (repository_id, words) VALUES (:of, CAST(:words AS tsvector))"
        " ON CONFLICT (repository_id) DO UPDATE SET words = excluded.words",
    )
)
DELETE: Final = SqlStatement(
    EngineText(
        "DELETE FROM search WHERE rowid = :of", "DELETE FROM search WHERE repository_id = :of"
    )
)


def document(name: str, title: str, body: str) -> dict[str, Value]:
    """The values of `WRITE` for these texts."""
    texts = {"name": name, "title": title, "body": body}
    words = {each: list(_cut(tokens_of(text[:_MOST_BYTES]))) for each, text in texts.items()}
    values: dict[str, Value] = {each: " ".join(found) for each, found in words.items()}
    return {**values, "words": " ".join(_positions(words))}


def _cut(words: Iterable[str]) -> Iterator[str]:
    left = _MOST_BYTES
    for word in words:
        # A position and its share of the index come with every word.
        left -= len(word.encode()) + 8
        if left < 0:
            return
        yield word


def _positions(texts: dict[str, list[str]]) -> Iterator[str]:
    position = 0
    for name, words in texts.items():
        for word in words:
            position = min(position + 1, _LAST_POSITION)
            yield f"{word}:{position}{_WEIGHTS[name]}"
        # No phrase reaches from one text into the next.
        position += 1


def matching(
    bind: str, terms: Sequence[Term], *, columns: Iterable[str] = (), any_of: bool = False
) -> dict[str, Value]:
    """The values for `matches`: all terms, or any of them, in all columns or some."""
    wanted = list(columns)
    parts = [term for term in terms if term.tokens]
    fts5 = (" OR " if any_of else " AND ").join(_fts5(term) for term in parts)
    weights = "".join(_WEIGHTS[each] for each in wanted)
    tsquery = (" | " if any_of else " & ").join(_tsquery(term, weights) for term in parts)
    within = f"{{{' '.join(wanted)}}} : " if wanted else ""
    return {f"{bind}_fts5": f"{within}({fts5})", f"{bind}_tsquery": tsquery}


def _fts5(term: Term) -> str:
    return f'"{" ".join(term.tokens)}"{" *" if term.may_go_on else ""}'


def _tsquery(term: Term, weights: str) -> str:
    *first, last = term.tokens
    flags = ("*" if term.may_go_on else "") + weights
    words = [f"'{word}'{':' + weights if weights else ''}" for word in first]
    words.append(f"'{last}'{':' + flags if flags else ''}")
    return f"({' <-> '.join(words)})"


def json_of(values: Iterable[int | str]) -> str:
    """A list as `is_among` takes it."""
    return json.dumps(list(values))
