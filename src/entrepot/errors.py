"""The few ways to fail.

A precise class (`ManifestUnknown`) belongs to one family (`NotFound`), which doors translate; its
`code` is the word of the OCI distribution-spec (1.1, "Error Codes") where it has one.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import ClassVar


class EntrepotError(Exception):
    """Anything that went wrong in a way we can name."""

    code: ClassVar[str] = "UNKNOWN"
    headers: tuple[tuple[str, str], ...] = ()
    """Headers of the answer that tell more."""

    def __init__(self, message: str = "", detail: Mapping[str, object] | None = None) -> None:
        super().__init__(message or self.default_message())
        self.detail = detail

    @classmethod
    def default_message(cls) -> str:
        """The first sentence of the class's docstring."""
        return (cls.__doc__ or cls.__name__).partition("\n")[0].rstrip(".").lower()

    @property
    def message(self) -> str:
        """The error message for a person; never contains a secret."""
        return str(self)


class Invalid(EntrepotError):
    """The request is malformed."""

    code = "UNSUPPORTED"


class Unauthenticated(EntrepotError):
    """Authentication is required."""

    code = "UNAUTHORIZED"
    reason: ClassVar[str | None] = None
    """The `error` of a Bearer challenge (RFC 6750 section 3.1)."""


class Denied(EntrepotError):
    """Access to the resource is denied."""

    code = "DENIED"


class NotFound(EntrepotError):
    """Not found."""

    code = "NOT_FOUND"


class Conflict(EntrepotError):
    """The request conflicts with the current state."""

    code = "DENIED"


class TooLarge(EntrepotError):
    """The request is larger than this server accepts."""

    code = "SIZE_INVALID"


class AddressTooLong(EntrepotError):
    """The address is longer than this server reads."""

    code = "UNSUPPORTED"


class HeadTooLarge(EntrepotError):
    """The headers are larger than this server reads."""

    code = "UNSUPPORTED"


class TooMany(EntrepotError):
    """Too many requests; try again later."""

    code = "TOOMANYREQUESTS"

    def __init__(
        self, message: str = "", *, wait: int = 1, headers: Iterable[tuple[str, str]] = ()
    ) -> None:
        super().__init__(message)
        self.wait = wait
        """Seconds after which the next attempt can succeed."""
        self.headers = tuple(headers)


class Unsupported(EntrepotError):
    """The operation is unsupported."""

    code = "UNSUPPORTED"


class Unavailable(EntrepotError):
    """The service cannot answer right now; try again later."""

    code = "UNAVAILABLE"


class UpstreamFailed(Unavailable):
    """The mirrored registry gave no usable answer."""

    def __init__(self, message: str = "", *, wait: int = 30, status: int = 0) -> None:
        super().__init__(message)
        self.wait = wait
        self.status = status


class UpstreamUnreachable(UpstreamFailed):
    """The mirrored registry gave no answer."""


class OutOfSpace(EntrepotError):
    """The server is out of storage space."""

    code = "UNAVAILABLE"


# Words that did not parse


class InvalidName(Invalid):
    """Invalid repository name."""

    code = "NAME_INVALID"


class InvalidDigest(Invalid):
    """Invalid digest, or the content does not match it."""

    code = "DIGEST_INVALID"


class DigestMismatch(InvalidDigest):
    """The content does not match the digest."""


class InvalidTag(Invalid):
    """Invalid tag."""

    code = "MANIFEST_INVALID"


class InvalidManifest(Invalid):
    """Invalid manifest."""

    code = "MANIFEST_INVALID"


class InvalidPage(Invalid):
    """Invalid number of results requested."""

    code = "PAGINATION_NUMBER_INVALID"


class InvalidSize(Invalid):
    """The length given does not match the content."""

    code = "SIZE_INVALID"


class InvalidUpload(Invalid):
    """The upload request is invalid."""

    code = "BLOB_UPLOAD_INVALID"


class InvalidAccount(Invalid):
    """Invalid account name or password."""


class InvalidDescription(Invalid):
    """The description is too long or contains control characters."""


class InvalidKey(Invalid):
    """Not a PEM public key."""


class UnsupportedForm(EntrepotError):
    """The media type of the body is not supported."""

    code = "UNSUPPORTED"


class BodyCut(Invalid):
    """The body ended before its announced length."""

    code = "SIZE_INVALID"


# Things that are not there


class BlobUnknown(NotFound):
    """Blob unknown to the repository."""

    code = "BLOB_UNKNOWN"


class UploadUnknown(NotFound):
    """Blob upload unknown to the repository."""

    code = "BLOB_UPLOAD_UNKNOWN"


class ManifestUnknown(NotFound):
    """Manifest unknown to the repository."""

    code = "MANIFEST_UNKNOWN"


class RepositoryUnknown(NotFound):
    """Repository name not known to the registry."""

    code = "NAME_UNKNOWN"


class AccountUnknown(NotFound):
    """No such account."""


class NamespaceUnknown(NotFound):
    """No such namespace."""


class TokenUnknown(NotFound):
    """No such token."""


class TeamUnknown(NotFound):
    """No such team."""


class TrustUnknown(NotFound):
    """No such trust, issuer or grant."""


class InvitationUnknown(NotFound):
    """The invitation does not exist or is no longer valid."""


class WebhookUnknown(NotFound):
    """No such webhook."""


class DeliveryUnknown(NotFound):
    """No such delivery."""


class InvalidWebhook(Invalid):
    """Invalid webhook."""


class TooManyWebhooks(Conflict):
    """The limit of webhooks is reached."""


class KeyUnknown(NotFound):
    """No such key or trust root."""


class SessionUnknown(NotFound):
    """No such session."""


# The rest


class ManifestBlobUnknown(Invalid):
    """Manifest references content unknown to the repository."""

    code = "MANIFEST_BLOB_UNKNOWN"
    MOST_LISTED: ClassVar[int] = 100

    def __init__(self, missing: tuple[str, ...]) -> None:
        message, count = self.default_message(), len(missing)
        if count > self.MOST_LISTED:
            message += f"; the first {self.MOST_LISTED} of {count} are listed"
        super().__init__(message)
        self.missing = missing[: self.MOST_LISTED]


class ManifestTooLarge(TooLarge):
    """Manifest exceeds the size limit."""

    code = "MANIFEST_INVALID"


class TooManyTags(EntrepotError):
    """Too many tags in one request."""

    code = "UNSUPPORTED"


class OutOfOrder(EntrepotError):
    """The chunk does not start where the upload ends."""

    code = "BLOB_UPLOAD_INVALID"

    def __init__(self, received: int) -> None:
        super().__init__(detail={"received": received})
        self.received = received


class RangeUnsatisfiable(EntrepotError):
    """The requested range lies outside the content."""

    code = "UNSUPPORTED"

    def __init__(self, size: int) -> None:
        super().__init__(detail={"size": size})
        self.size = size


class MethodUnsupported(Unsupported):
    """The method is not supported here."""

    def __init__(self, allowed: tuple[str, ...], message: str = "") -> None:
        super().__init__(message)
        self.allowed = allowed


class PreconditionFailed(EntrepotError):
    """The current state does not match the request's preconditions."""

    code = "PRECONDITION_FAILED"


class UploadBusy(Conflict):
    """Another request is writing to this upload."""

    code = "BLOB_UPLOAD_INVALID"


class OtherTags(Conflict):
    """Deleting the manifest would also delete tags that the request does not name."""

    def __init__(self, tags: Sequence[str]) -> None:
        shown = ", ".join(tags[:20]) + (f" and {len(tags) - 20} more" if len(tags) > 20 else "")
        super().__init__(
            f"deleting the manifest would also delete tags that the request does not name: {shown}",
            {"tags": list(tags[:100])},
        )


class TagImmutable(Denied):
    """The tag is immutable."""


class PullRefused(Denied):
    """The rules of the repository refuse the pull."""


class QuotaExceeded(Denied):
    """The quota of the namespace is exceeded."""


class NameTaken(Conflict):
    """The name is already taken."""


class BadCredentials(Unauthenticated):
    """Unknown user name or wrong password."""


class SecondFactorMissing(Unauthenticated):
    """The password alone is not enough for this account."""


class BadToken(Unauthenticated):
    """The token is invalid, expired or revoked."""

    reason = "invalid_token"


class InsufficientScope(Unauthenticated):
    """The requested access to the resource is denied."""

    reason = "insufficient_scope"


class NoSuchNamespace(InsufficientScope):
    """The name has no namespace, or one that does not exist.

    `remedy` tells people who are signed in what to do; `{origin}` stands for the hub's address.
    """

    def __init__(self, message: str, remedy: str) -> None:
        super().__init__(message)
        self.remedy = remedy
