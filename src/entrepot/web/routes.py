"""Every page there is: what is not in this table cannot be asked for."""

from typing import Final

from entrepot.web import (
    badges,
    home,
    machine_texts,
    policies,
    repositories,
    repository_settings,
    tags,
    webhooks,
)
from entrepot.web.contents import (
    artifact_tabs,
    artifacts,
    browser_upload,
    comparisons,
    downloads,
    promotions,
    pull_verdicts,
    vulnerabilities,
    zips,
)
from entrepot.web.operators import (
    administration,
    issuers,
    mirrors,
    pull_rules,
    replication,
    trust_roots,
    users,
)
from entrepot.web.people import (
    account,
    groups,
    login,
    namespace_deletion,
    namespaces,
    single_sign_on,
    teams,
    trusts,
)
from entrepot.web.requests import PageRoute

# Routes with a fixed last component come before those with a place for any.
ROUTES: Final[tuple[PageRoute, ...]] = (
    *home.ROUTES,
    *machine_texts.ROUTES,
    *login.ROUTES,
    *single_sign_on.ROUTES,
    *account.ROUTES,
    *namespaces.ROUTES,
    *teams.ROUTES,
    *groups.ROUTES,
    *trusts.ROUTES,
    *namespace_deletion.ROUTES,
    *administration.ROUTES,
    *users.ROUTES,
    *mirrors.ROUTES,
    *pull_rules.ROUTES,
    *replication.ROUTES,
    *issuers.ROUTES,
    *trust_roots.ROUTES,
    *vulnerabilities.ROUTES,
    *repository_settings.ROUTES,
    *policies.ROUTES,
    *webhooks.ROUTES,
    *browser_upload.ROUTES,
    *downloads.ROUTES,
    *zips.ROUTES,
    *promotions.ROUTES,
    *pull_verdicts.ROUTES,
    *tags.ROUTES,
    *comparisons.ROUTES,
    *badges.ROUTES,
    *repositories.ROUTES[1:],
    *artifact_tabs.ROUTES,
    *artifacts.ROUTES,
    *repositories.ROUTES[:1],
)
