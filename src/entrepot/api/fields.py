"""Field types shared by bodies, parameters and addresses."""

from datetime import datetime
from typing import Annotated, Final

from msgspec import Meta, Struct

from entrepot.hub.identity.passwords import MAX_LENGTH, MIN_LENGTH

_COMPONENT: Final = r"[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*"
# One line without control characters; the rules look again, with all that Unicode knows.
_LINE: Final = r"^[^\x00-\x1f\x7f-\xa0\xad]*$"
_TEXT: Final = r"^[^\x00]*$"

RepositoryText = Annotated[
    str,
    Meta(
        min_length=1,
        max_length=255,
        pattern=rf"^{_COMPONENT}(?:/{_COMPONENT})*$",
        description="A repository's name, slashes included.",
        examples=["docker/demo"],
    ),
]
NameText = Annotated[
    str,
    Meta(
        min_length=1,
        max_length=64,
        pattern=rf"^{_COMPONENT}$",
        description="The name of an account, an organization or a team.",
        examples=["docker"],
    ),
]
RootText = Annotated[
    str,
    Meta(
        pattern=r"^[a-z0-9][a-z0-9._-]{0,99}$",
        description="The name of a trust root.",
        examples=["company"],
    ),
]
TagText = Annotated[
    str,
    Meta(pattern=r"^[A-Za-z0-9_][A-Za-z0-9._-]{0,127}$", description="A tag.", examples=["1.0"]),
]
DigestText = Annotated[
    str,
    Meta(
        pattern=r"^(?:sha256:[0-9a-f]{64}|sha512:[0-9a-f]{128})$",
        description="A digest: `algorithm:hex`.",
    ),
]
ReferenceText = Annotated[
    str,
    Meta(
        pattern=(
            r"^(?:[A-Za-z0-9_][A-Za-z0-9._-]{0,127}"
            r"|sha256:[0-9a-f]{64}|sha512:[0-9a-f]{128})$"
        ),
        description="A tag or a digest.",
        examples=["latest"],
    ),
]
PatternText = Annotated[
    str,
    Meta(
        max_length=255,
        pattern=rf"^(?:\*|{_COMPONENT}(?:/{_COMPONENT})*(?:/\*)?)$",
        description="A repository's name without the organization's, `prefix/*`, or `*`.",
        examples=["app/*"],
    ),
]
CoveredText = Annotated[
    str,
    Meta(
        min_length=1,
        max_length=255,
        pattern=rf"^{_COMPONENT}(?:/{_COMPONENT})*(?:/\*)?$",
        description="A repository's name, or `prefix/*`.",
        examples=["docker/*"],
    ),
]
Number = Annotated[int, Meta(ge=1, le=2**53 - 1, description="An id.")]
Label = Annotated[str, Meta(min_length=1, max_length=100, pattern=_LINE)]
Line = Annotated[str, Meta(max_length=200, pattern=_LINE)]
Text = Annotated[str, Meta(max_length=500, pattern=_TEXT)]
Secret = Annotated[str, Meta(min_length=1, max_length=1024, pattern=_TEXT)]
Password = Annotated[
    str,
    Meta(
        min_length=MIN_LENGTH, max_length=MAX_LENGTH, pattern=_TEXT, description="A new password."
    ),
]
FullName = Annotated[str, Meta(max_length=100, pattern=_LINE)]
EmailText = Annotated[
    str,
    Meta(
        max_length=254,
        pattern=r"^$|^[^\x00-\x1f\x7f-\xa0\xad]*@[^\x00-\x1f\x7f-\xa0\xad]*$",
        description="An e-mail address, or an empty text.",
    ),
]
Moment = Annotated[datetime, Meta(tz=True)]
# As a text: read as a parameter, a datetime would take numbers too.
MomentText = Annotated[
    str,
    Meta(extra_json_schema={"format": "date-time"}, description="A time (RFC 3339)."),
]

RuleText = Annotated[
    str,
    Meta(
        pattern=r"^[A-Za-z0-9_][A-Za-z0-9._-]{0,63}$",
        description="The name of a pull rule.",
        examples=["postgres"],
    ),
]

PLACES: Final[dict[str, object]] = {
    "repository": RepositoryText,
    "target": RepositoryText,
    "namespace": NameText,
    "account": NameText,
    "mirror": NameText,
    "replication": NameText,
    "team": NameText,
    "issuer": NameText,
    "root": RootText,
    "rule": RuleText,
    "trust": NameText,
    "member": NameText,
    "tag": TagText,
    "reference": ReferenceText,
    "id": Number,
    "webhook": Number,
    "delivery": Number,
    "pattern": PatternText,
    "key": Annotated[str, Meta(min_length=1, max_length=100, pattern=_LINE)],
    "document": Annotated[str, Meta(min_length=1, max_length=500, pattern=_TEXT)],
}
"""What each place of an address holds; what does not fit is not there."""


class Asked(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A body or the parameters of an address; what is not known is refused."""
