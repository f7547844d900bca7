"""Filters of a search query as SQL conditions whose values are bound later."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from sqlalchemy import (
    BindParameter,
    ColumnElement,
    and_,
    bindparam,
    exists,
    not_,
    or_,
    select,
    union_all,
)

from entrepot.metadata.artifact_tables import (
    artifact_packages,
    artifact_vulnerabilities,
    packages,
    repository_facets,
)
from entrepot.metadata.contents.package_names import other_separator, plain_name
from entrepot.metadata.contents.search_sql import is_among, json_of
from entrepot.metadata.engines.engine import Value
from entrepot.metadata.security.vulnerability_ids import folded_id
from entrepot.metadata.tables import manifests, repositories, repository_blobs, tags
from entrepot.model.search import Facet, Filter, Within

_TELLING: Final = 6
_FORMS: Final[dict[str, Callable[[str], str]]] = {
    "": str,
    "other_": other_separator,
    "plain_": plain_name,
}
"""The ways in which one name may be written."""
LAST: Final = "\U0010ffff"
"""Comes after everything that can follow a prefix."""


@dataclass(frozen=True, slots=True)
class Shape:
    """A condition's form; the place keeps the names of its values apart from the others'."""

    name: Facet | Within
    place: int
    is_excluded: bool


@dataclass(frozen=True, slots=True)
class Demand:
    """A condition's form and its values."""

    shape: Shape
    values: dict[str, Value]


def demands_of(filters: Sequence[Filter]) -> Iterator[Demand]:
    """One demand for all alternatives of a facet, and one for each other filter."""
    facets: dict[tuple[Facet, bool], list[str]] = {}
    for place, each in enumerate(filters):
        if isinstance(each.name, Facet):
            facets.setdefault((each.name, each.is_excluded), []).append(each.value.lower())
        else:
            shape = Shape(each.name, place, each.is_excluded)
            yield Demand(shape, {f"{k}_{place}": v for k, v in VALUES[each.name](each.value)})
    for place, ((facet, is_excluded), wanted) in enumerate(facets.items(), len(filters)):
        values: dict[str, Value] = {
            f"facet_{place}": str(facet),
            f"values_{place}": json_of(wanted),
        }
        yield Demand(Shape(facet, place, is_excluded), values)


def condition_of(shape: Shape) -> ColumnElement[bool]:
    """The condition on a row of `repositories`."""
    if isinstance(shape.name, Facet):
        condition = _has_facet(shape.name, shape.place)
    else:
        condition = _CONDITIONS[shape.name](shape.place)
    return not_(condition) if shape.is_excluded else condition


def is_package(place: int | str) -> ColumnElement[bool]:
    """Whether a row of `packages` has that name and version."""
    ranges = [(packages.c.name, form) for form in _FORMS] + [(packages.c.base_name, "")]
    # A look into an index for each: of ranges joined by OR, SQLite with statistics thinks that they
    # are most of the table, and reads all of it.
    ids = union_all(
        *(
            select(packages.c.id).where(
                column.between(_bind(f"{form}low", place), _bind(f"{form}high", place))
            )
            for column, form in ranges
        )
    )
    return and_(
        packages.c.id.in_(ids), packages.c.version.like(_bind("version", place), escape="!")
    )


def package_values(value: str) -> list[tuple[str, Value]]:
    """`name`, `prefix*`, `name@version`, `name@3.0.*`; the first letter may be npm's `@`."""
    name, at, version = value[1:].rpartition("@")
    if not at:
        name, version = value[1:], "*"
    name = value[0] + name
    ranges = [
        (f"{form}{end}", bound)
        for form, spell in _FORMS.items()
        for end, bound in _range(spell(name))
    ]
    return [*ranges, ("version", _pattern(version or "*"))]


def _bind(name: str, place: int | str) -> BindParameter[str]:
    return bindparam(f"{name}_{place}")


def _has_facet(facet: Facet, place: int) -> ColumnElement[bool]:
    # Licences keep the case of SPDX; everything else is in lower case already.
    column = "repository_facets.value"
    column = f"lower({column})" if facet is Facet.LICENSE else column
    return repositories.c.id.in_(
        select(repository_facets.c.repository_id).where(
            repository_facets.c.facet == _bind("facet", place),
            is_among(column, f"values_{place}", "text"),
        )
    )


def _has_package(place: int) -> ColumnElement[bool]:
    return repositories.c.id.in_(
        select(artifact_packages.c.repository_id)
        .join(packages, packages.c.id == artifact_packages.c.package_id)
        .where(is_package(place))
    )


def _has_purl(place: int) -> ColumnElement[bool]:
    return repositories.c.id.in_(
        select(artifact_packages.c.repository_id)
        .join(packages, packages.c.id == artifact_packages.c.package_id)
        .where(
            or_(
                packages.c.purl.between(_bind("low", place), _bind("high", place)),
                packages.c.purl.between(_bind("then", place), _bind("until", place)),
            )
        )
    )


def _has_vulnerability(place: int) -> ColumnElement[bool]:
    return repositories.c.id.in_(
        select(artifact_vulnerabilities.c.repository_id).where(
            artifact_vulnerabilities.c.identifier.between(_bind("low", place), _bind("high", place))
        )
    )


def _has_digest(place: int) -> ColumnElement[bool]:
    low, high = _bind("low", place), _bind("high", place)
    return or_(
        exists().where(
            manifests.c.repository_id == repositories.c.id, manifests.c.digest.between(low, high)
        ),
        repositories.c.id.in_(
            select(repository_blobs.c.repository_id).where(
                repository_blobs.c.digest.between(low, high)
            )
        ),
    )


def _has_tag(place: int) -> ColumnElement[bool]:
    return exists().where(
        tags.c.repository_id == repositories.c.id,
        tags.c.name.between(_bind("low", place), _bind("high", place)),
    )


def _range(value: str) -> list[tuple[str, Value]]:
    """The first and last text that is meant: the same one, or all with a prefix."""
    prefix = value.rstrip("*")
    return [("low", prefix), ("high", prefix if prefix == value else prefix + LAST)]


def _pattern(value: str) -> str:
    for special in "!%_":
        value = value.replace(special, f"!{special}")
    return value.replace("*", "%")


def _purl_values(value: str) -> list[tuple[str, Value]]:
    """Also with a version, qualifiers or a subpath behind it, as far as they are not given."""
    # These begin with `@`, `?` and `#`; `?` and `@` are neighbours.
    return [*_range(value), ("then", f"{value}?"), ("until", f"{value}@{LAST}")]


def _digest_values(value: str) -> list[tuple[str, Value]]:
    """Also the beginning of a digest, with or without its algorithm, if it says something."""
    value = value.lower().rstrip("*")
    text = value if ":" in value else f"sha256:{value}"
    is_telling = len(text.partition(":")[2]) >= _TELLING
    return _range(f"{text}*" if is_telling else text)


VALUES: Final[dict[Within, Callable[[str], Iterable[tuple[str, Value]]]]] = {
    Within.PACKAGE: package_values,
    Within.PURL: _purl_values,
    Within.CVE: lambda value: _range(folded_id(value)),
    Within.DIGEST: _digest_values,
    Within.TAG: _range,
}
_CONDITIONS: Final[dict[Within, Callable[[int], ColumnElement[bool]]]] = {
    Within.PACKAGE: _has_package,
    Within.PURL: _has_purl,
    Within.CVE: _has_vulnerability,
    Within.DIGEST: _has_digest,
    Within.TAG: _has_tag,
}
