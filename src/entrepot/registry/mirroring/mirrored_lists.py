"""Lists of mirrors: the upstream's, united with what is here; what is here alone while it fails."""

import re
import time
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlencode, urlsplit

from entrepot.errors import EntrepotError, NotFound, RepositoryUnknown, TooMany, UpstreamFailed
from entrepot.metadata.engines.engine import Clock, Metadata
from entrepot.metadata.registry import manifests
from entrepot.model.mirrors import NEVER, MirroredName
from entrepot.model.repositories import Repository
from entrepot.oci.digests import Digest, fallback_tag
from entrepot.oci.names import Tag
from entrepot.registry.mirroring.mirror_decisions import CacheState, decide
from entrepot.registry.mirroring.mirrors import MirroredManifests, check_allowed, refuse
from entrepot.registry.mirroring.upstreams import ListPage, Upstreams, referrers_of

PASSED_ON: Final = ("n", "last", "next_page")
"""Parameters of a list of tags that the upstream is asked with."""
_KEPT: Final = 500
_LONGEST: Final = 3600.0
_MOST_PAGES: Final = 20
_MOST_REFERRERS: Final = 10_000
_MOST_TAGS: Final = 50_000
_TAGS_A_PAGE: Final = 1000
_NEXT: Final = re.compile(r'<([^>]*)>\s*;\s*rel="?next"?')


@dataclass(frozen=True, slots=True)
class UpstreamTags:
    """A page of tags; `next_query` asks for the page after it, `reason` says why it is stale."""

    tags: list[str]
    next_query: str = ""
    reason: str = ""


@dataclass(frozen=True, slots=True)
class UpstreamReferrers:
    """The descriptors that the upstream lists; `reason` says why it could not be asked."""

    descriptors: Sequence[Mapping[str, object]]
    reason: str = ""


class MirroredLists:
    """Tags and referrers of mirrors, each page asked for once in a TTL."""

    def __init__(
        self,
        metadata: Metadata,
        mirrored: MirroredManifests,
        upstreams: Upstreams,
        now: Clock,
    ) -> None:
        self._metadata = metadata
        self._mirrored = mirrored
        self._upstreams = upstreams
        self._now = now
        self._kept: OrderedDict[tuple[int, str, str], tuple[float, ListPage | None]] = OrderedDict()

    def forget(self) -> None:
        """Ask for every list anew."""
        self._kept.clear()

    async def list_tags(
        self,
        asked: MirroredName,
        repository: Repository | None,
        query: Mapping[str, str],
        size: int,
    ) -> UpstreamTags:
        """A page of the upstream's tags; of those that are here, where it cannot be asked.

        Raises `RepositoryUnknown` where the upstream has none, and why it cannot be asked where
        nothing is here either.
        """
        try:
            self._check(asked)
            path = f"tags/list?{urlencode(query)}" if query else "tags/list"
            page = await self._page(asked, path)
        except (UpstreamFailed, TooMany, NotFound) as error:
            if repository is None:
                raise
            last, reader = query.get("last", ""), self._metadata.reader
            tags = await manifests.list_tags(reader, repository.id, last, size + 1)
            more = urlencode({"n": size, "last": tags[size - 1]}) if len(tags) > size else ""
            return UpstreamTags(tags[:size], more, error.message)
        if page is None:
            raise RepositoryUnknown(f"{asked.mirror.name} has no {asked.upstream_name}")
        tags = _tags_in(page)
        following = _next_query(page)
        if not following and len(tags) > size:
            # It knows no pages.
            tags = sorted(tag for tag in tags if tag > query.get("last", ""))
            following = urlencode({"n": size, "last": tags[size - 1]}) if len(tags) > size else ""
            tags = tags[:size]
        return UpstreamTags(tags, following)

    async def list_all_tags(self, asked: MirroredName) -> list[str]:
        """Every tag of the upstream's repository as it is now.

        Raises `RepositoryUnknown` where there is none, why the upstream cannot be asked, and
        `UpstreamFailed` where there are more than 50,000: a part would look as if others were gone.
        """
        self._check(asked)
        found, path = dict[str, None](), f"tags/list?n={_TAGS_A_PAGE}"
        while path:
            page = await self._page(asked, path, is_fresh=True)
            if page is None:
                raise RepositoryUnknown(f"{asked.mirror.name} has no {asked.upstream_name}")
            known = len(found)
            found |= dict.fromkeys(_tags_in(page))
            following = _next_query(page)
            if len(found) > _MOST_TAGS or (following and len(found) == known):
                raise UpstreamFailed(
                    f"{asked.mirror.name} lists more than {_MOST_TAGS:,} tags of"
                    f" {asked.upstream_name}, or without an end"
                )
            path = f"tags/list?{following}" if following else ""
        return list(found)

    async def list_referrers(
        self, asked: MirroredName, repository: Repository | None, subject: Digest
    ) -> UpstreamReferrers:
        """The upstream's referrers; none, and the reason, where it cannot be asked.

        Where it has no such list, the tag that clients keep instead is fetched.
        """
        found: list[Mapping[str, object]] = []
        try:
            if not await self._read_referrers(asked, subject, found, is_fresh=False):
                with suppress(NotFound):
                    tag = Tag(fallback_tag(subject))
                    await self._mirrored.resolve(asked, repository, tag)
        except (UpstreamFailed, TooMany, NotFound) as error:
            return UpstreamReferrers(found, error.message)
        return UpstreamReferrers(found[:_MOST_REFERRERS])

    async def find_referrers_now(
        self, asked: MirroredName, subject: Digest
    ) -> Sequence[Mapping[str, object]] | None:
        """The upstream's referrers as they are now; `None` where it has no such list.

        Raises why the upstream cannot be asked.
        """
        found: list[Mapping[str, object]] = []
        has_list = await self._read_referrers(asked, subject, found, is_fresh=True)
        return found[:_MOST_REFERRERS] if has_list else None

    async def _read_referrers(
        self,
        asked: MirroredName,
        subject: Digest,
        found: list[Mapping[str, object]],
        *,
        is_fresh: bool,
    ) -> bool:
        """Add every page's descriptors; return whether the upstream has such a list."""
        self._check(asked)
        path = f"referrers/{subject}"
        for _ in range(_MOST_PAGES):
            page = await self._page(asked, path, is_fresh=is_fresh)
            if page is None:
                return False
            found += [each for each in referrers_of(page) if _is_descriptor(each)]
            following = _next_query(page)
            if not following or len(found) > _MOST_REFERRERS:
                break
            path = f"referrers/{subject}?{following}"
        return True

    def _check(self, asked: MirroredName) -> None:
        state, now = CacheState(is_cached=False, is_digest=False), self._now()
        refuse(decide(asked.mirror, state, now), asked.mirror, now)
        check_allowed(asked)

    async def _page(
        self, asked: MirroredName, path: str, *, is_fresh: bool = False
    ) -> ListPage | None:
        key = (asked.mirror.id, asked.name.text, path)
        kept = None if is_fresh else self._kept.get(key)
        if kept is not None and time.monotonic() < kept[0]:
            return kept[1]
        try:
            page = await self._upstreams.list_page(asked, path)
        except (UpstreamFailed, TooMany) as error:
            await self._upstreams.note_failure(asked.mirror, error)
            raise
        await self._upstreams.note_answer(asked.mirror)
        lasts = _LONGEST if asked.mirror.ttl == NEVER else min(asked.mirror.ttl, _LONGEST)
        self._kept[key] = time.monotonic() + lasts, page
        if len(self._kept) > _KEPT:
            self._kept.popitem(last=False)
        return page


def _tags_in(page: ListPage) -> list[str]:
    listed = page.body.get("tags")
    found = listed if isinstance(listed, list) else []
    return [each for each in found if isinstance(each, str)]


def _next_query(page: ListPage) -> str:
    """The query of the next page; empty where this is the last one."""
    found = _NEXT.search(page.link or "")
    query = urlsplit(found[1]).query if found else ""
    return query if query.isascii() and query.isprintable() and len(query) < 2000 else ""


def _is_descriptor(value: Mapping[str, object]) -> bool:
    digest, size = value.get("digest"), value.get("size")
    try:
        Digest.parse(digest if isinstance(digest, str) else "")
    except EntrepotError:
        return False
    return isinstance(value.get("mediaType"), str) and isinstance(size, int)
