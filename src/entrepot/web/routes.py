"""Every page there is: what is not in this table cannot be asked for."""

from typing import Final

from entrepot.web import (
    account,
    administration,
    artifacts,
    downloads,
    home,
    namespace_deletion,
    namespaces,
    policies,
    repositories,
    repository_settings,
    signing_in,
    single_sign_on,
    tags,
    teams,
    uploading,
    webhooks,
)
from entrepot.web.requests import PageRoute

# Routes with a fixed last component come before those with a place for any.
ROUTES: Final[tuple[PageRoute, ...]] = (
    *home.ROUTES,
    *signing_in.ROUTES,
    *single_sign_on.ROUTES,
    *account.ROUTES,
    *namespaces.ROUTES,
    *teams.ROUTES,
    *namespace_deletion.ROUTES,
    *administration.ROUTES,
    *repository_settings.ROUTES,
    *policies.ROUTES,
    *webhooks.ROUTES,
    *uploading.ROUTES,
    *downloads.ROUTES,
    *tags.ROUTES,
    *repositories.ROUTES[1:],
    *artifacts.ROUTES,
    *repositories.ROUTES[:1],
)
