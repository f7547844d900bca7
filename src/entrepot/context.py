"""The context of a request: what every door knows of it once its route has let it in."""

from dataclasses import dataclass, field, replace

from entrepot.app import App
from entrepot.errors import NotFound, RepositoryUnknown
from entrepot.http.authorize import UNDECIDED, Authorized
from entrepot.http.messages import Request
from entrepot.hub.events.audit import audit_and_notify
from entrepot.hub.people.actors import ANONYMOUS, Actor, Identity
from entrepot.hub.permissions import NamespaceRights, Rights
from entrepot.metadata.repositories import ChangeListener, PushTarget
from entrepot.model.people.accounts import Namespace
from entrepot.model.repositories import Repository


@dataclass(slots=True)
class RequestContext:
    """A request, with who sends it and what the access rule of its route let them do.

    Doors extend it by what only they know. `values` are what the places of the route's pattern
    hold in the address.
    """

    app: App
    http: Request
    values: dict[str, str] = field(default_factory=dict)
    identity: Identity = ANONYMOUS
    authorized: Authorized = UNDECIDED

    @property
    def rights(self) -> Rights:
        """The identity's rights in the repository of the address; else `RepositoryUnknown`."""
        if self.authorized.rights is None:
            raise RepositoryUnknown
        return self.authorized.rights

    @property
    def repository(self) -> Repository:
        """The repository that the address names; `RepositoryUnknown` where there is none yet."""
        found = self.rights.repository
        if found is None:
            raise RepositoryUnknown
        return found

    @property
    def target(self) -> PushTarget:
        """Where a push goes, and who records it; `RepositoryUnknown` where it may go nowhere."""
        if self.rights.target is None:
            raise RepositoryUnknown
        return replace(self.rights.target, listener=self.listener)

    @property
    def namespace_rights(self) -> NamespaceRights:
        """The identity's rights in the namespace of the address; else `NotFound`."""
        if self.authorized.namespace_rights is None:
            raise NotFound
        return self.authorized.namespace_rights

    @property
    def namespace(self) -> Namespace:
        """The namespace that the address names; else `NotFound`."""
        found = self.namespace_rights.namespace
        if found is None:
            raise NotFound
        return found

    @property
    def actor(self) -> Actor:
        """The sender as the audit log knows them."""
        return Actor(self.identity, self.http.sender, self.http.id)

    @property
    def listener(self) -> ChangeListener:
        """Records the sender's changes to repositories in the transaction that makes them."""
        return audit_and_notify(self.actor, self.app.now)

    @property
    def origin(self) -> str:
        """`scheme://host[:port]` as the sender reached us."""
        return self.app.origins.origin(self.http)

    @property
    def host(self) -> str:
        """`host[:port]` as the sender wrote it."""
        return self.app.origins.host(self.http)
