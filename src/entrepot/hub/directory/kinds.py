"""Names of attributes, and filters, by the kind of directory."""

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Defaults:
    """Filters and attributes, where the settings say nothing else."""

    user_filter: str
    name_attribute: str
    id_attribute: str
    group_filter: str


LDAP: Final = Defaults(
    "(&(objectClass=person)(uid={name}))",
    "uid",
    "entryUUID",
    "(|(member={dn})(uniqueMember={dn}))",
)
ACTIVE_DIRECTORY: Final = Defaults(
    "(&(objectCategory=person)(objectClass=user)(sAMAccountName={name}))",
    "sAMAccountName",
    "objectGUID",
    # LDAP_MATCHING_RULE_IN_CHAIN: groups in groups, followed by the server.
    "(member:1.2.840.113556.1.4.1941:={dn})",
)
