"""Entries of a directory as the hub understands them, and texts that become parts of filters."""

import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from entrepot.errors import Unavailable
from entrepot.hub.people.groups import fold_directory_group

_DISABLED: Final = 2
"""The bit of `userAccountControl` that says ACCOUNTDISABLE."""
_LOCKED_FOR_EVER: Final = "000001010000Z"
PERSON_ATTRIBUTES: Final = (
    *("displayName", "cn", "mail", "userAccountControl", "nsAccountLock"),
    "pwdAccountLockedTime",
)
"""Attributes of a person beside the id and the name."""
_SPECIAL: Final = {each: f"\\{ord(each):02x}" for each in "\\*()\0"}


@dataclass(frozen=True, slots=True)
class Found:
    """An entry as the server sent it; names of attributes are in lower case."""

    dn: str
    attributes: Mapping[str, list[bytes]]

    def text(self, name: str) -> str:
        """The attribute's first value as text; empty without one."""
        values = self.attributes.get(name.lower()) or [b""]
        return values[0].decode(errors="replace")


@dataclass(frozen=True, slots=True)
class Entry:
    """A person in the directory; `subject` is an id that no other entry ever has."""

    subject: str
    dn: str
    name: str
    full_name: str
    email: str
    is_disabled: bool
    groups: frozenset[str] = field(default=frozenset())
    """Folded distinguished names and ids of the groups that the person is in."""
    has_all_groups: bool = True
    """Whether these are all; else there are too many, and they say nothing."""


def person_of(found: Found, id_attribute: str, name_attribute: str) -> Entry:
    """The person of an entry; raise `Unavailable` where the entry has no id."""
    return Entry(
        subject=subject_of(found, id_attribute),
        dn=found.dn,
        name=found.text(name_attribute),
        full_name=found.text("displayName") or found.text("cn"),
        email=found.text("mail"),
        is_disabled=_is_disabled(found),
    )


def group_names(found: Found, id_attribute: str) -> set[str]:
    """The names that a mapping may call the group by: its folded name, and its id if it has one."""
    names = {fold_directory_group(found.dn)}
    if found.attributes.get(id_attribute.lower()):
        names.add(subject_of(found, id_attribute))
    return names


def subject_of(found: Found, id_attribute: str) -> str:
    """The entry's id as text; raise `Unavailable` without one."""
    values = found.attributes.get(id_attribute.lower())
    if not values or not values[0]:
        raise Unavailable(f"the directory's entries have no {id_attribute}: see ldap_id_attribute")
    value = values[0]
    if id_attribute.lower() == "objectguid" and len(value) == 16:
        return str(uuid.UUID(bytes_le=value))
    return value.decode(errors="replace").lower()


def id_filter(id_attribute: str, subject: str) -> str:
    """The filter for the entry with that id, which is binary in Active Directory."""
    if id_attribute.lower() != "objectguid":
        return f"({id_attribute}={escape(subject)})"
    octets = "".join(f"\\{each:02x}" for each in uuid.UUID(subject).bytes_le)
    return f"({id_attribute}={octets})"


def escape(text: str) -> str:
    """The text as a value in a filter (RFC 4515 section 3): it cannot end or widen one."""
    return "".join(_SPECIAL.get(each, each) for each in text)


def _is_disabled(found: Found) -> bool:
    control = found.text("userAccountControl")
    return (
        (control.isdecimal() and bool(int(control) & _DISABLED))
        or found.text("nsAccountLock").lower() == "true"
        or found.text("pwdAccountLockedTime") == _LOCKED_FOR_EVER
    )
