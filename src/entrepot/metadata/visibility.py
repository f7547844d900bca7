"""The visible repositories of an identity, as a condition that searches add to their own."""

import json
from dataclasses import dataclass
from typing import Final

from sqlalchemy import or_

from entrepot.metadata.contents.search_sql import is_among
from entrepot.metadata.engines.engine import Value
from entrepot.metadata.tables import repositories
from entrepot.model.repositories import Visibility


@dataclass(frozen=True, slots=True)
class VisibleTo:
    """The private repositories that an identity can see, by namespace and one by one.

    `namespaces` is `None` for those who see everything.
    """

    namespaces: tuple[int, ...] | None = ()
    repositories: tuple[int, ...] = ()

    @property
    def is_limited(self) -> bool:
        """Whether `IS_SEEN` must be asked at all."""
        return self.namespaces is not None

    @property
    def values(self) -> dict[str, Value]:
        """The values of `IS_SEEN`."""
        return {
            "namespaces": json.dumps(self.namespaces or ()),
            "granted": json.dumps(self.repositories),
        }


IS_SEEN: Final = or_(
    repositories.c.visibility == Visibility.PUBLIC.value,
    is_among("repositories.namespace_id", "namespaces"),
    is_among("repositories.id", "granted"),
)
"""Whether a row of `repositories` is visible to an identity that does not see all."""
