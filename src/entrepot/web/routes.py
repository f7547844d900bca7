"""Every page there is: what is not in this table cannot be asked for."""

from typing import Final

from entrepot.web import artifacts, downloads, home, repositories, tags
from entrepot.web.visits import PageRoute

# Routes with a fixed last component come before those with a place for any.
ROUTES: Final[tuple[PageRoute, ...]] = (
    *home.ROUTES,
    *downloads.ROUTES,
    *tags.ROUTES,
    *repositories.ROUTES[1:],
    *artifacts.ROUTES,
    *repositories.ROUTES[:1],
)
