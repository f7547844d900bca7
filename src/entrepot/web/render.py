"""HTML from pages: templates, static files, and the words of the visitor's language."""

import asyncio
import gettext
import hashlib
import re
from collections.abc import Callable
from datetime import UTC, datetime
from functools import cache, lru_cache
from pathlib import Path
from typing import Any, Final, cast

from jinja2 import Environment, FileSystemLoader, StrictUndefined, pass_context
from jinja2.runtime import Context
from markupsafe import Markup

from entrepot.kinds.recognition.catalogue import kind_of_id
from entrepot.kinds.recognition.kind import Kind
from entrepot.kinds.versions import channel_of
from entrepot.web.contents.charts import area_of, line_of
from entrepot.web.pages import Page
from entrepot.web.requests import LANGUAGES, PageRequest

_HERE: Final = Path(__file__).parent
STATIC: Final = _HERE / "static"
_UNITS: Final = ("B", "KiB", "MiB", "GiB", "TiB", "PiB")
_AGES: Final = ((31536000, "y"), (2592000, "mo"), (86400, "d"), (3600, "h"), (60, "min"))


def static_file(name: str) -> tuple[bytes, str] | None:
    """A static file's bytes and the start of their digest, `None` where there is none."""
    return _static_files().get(name)


@cache
def _static_files() -> dict[str, tuple[bytes, str]]:
    """All of them: names that others make up are neither looked for on the disk nor kept."""
    found = {path.name: path.read_bytes() for path in STATIC.iterdir() if path.is_file()}
    return {name: (text, hashlib.sha256(text).hexdigest()[:12]) for name, text in found.items()}


def asset(name: str) -> str:
    """The address of a static file; it changes with the file, so browsers may keep it."""
    found = static_file(name)
    return f"/static/{name}?v={found[1] if found else 0}"


def size_of(count: int | None) -> str:
    """Bytes as people read them: `1.4 MiB`."""
    if count is None:
        return ""
    value, unit = float(count), 0
    while value >= 1024 and unit < len(_UNITS) - 1:
        value, unit = value / 1024, unit + 1
    return (
        f"{value:.0f} {_UNITS[unit]}"
        if unit == 0 or value >= 100
        else f"{value:.1f} {_UNITS[unit]}"
    )


def age_of(moment: datetime | None) -> str:
    """How long ago it was: `3 d`, `5 min`."""
    if moment is None:
        return ""
    seconds = (datetime.now(UTC) - moment).total_seconds()
    for length, unit in _AGES:
        if seconds >= length:
            return f"{int(seconds // length)} {unit}"
    return "now"


def short_digest(digest: str) -> str:
    """The first 12 characters of a digest's hex, as clients show them."""
    return digest.partition(":")[2][:12] or digest[:12]


def safe_link(address: str) -> str:
    """An address that may be linked: http(s) only, empty for anything else."""
    lowered = address.strip().lower()
    return address.strip() if lowered.startswith(("https://", "http://")) else ""


def number_of(count: int) -> str:
    """A count with spaces between thousands, short past a million."""
    return (
        f"{count / 1_000_000:.1f} M" if count >= 10_000_000 else f"{count:,}".replace(",", "\u202f")
    )


def _with_spaces(plural: Callable[..., str]) -> Callable[..., str]:
    """`ngettext` of templates, whose `%(num)s` is written as `number` writes it."""

    @pass_context
    def ngettext(context: Context, one: str, many: str, count: int, **values: object) -> str:
        return plural(context, one, many, count, **{"num": number_of(count), **values})

    return ngettext


@lru_cache(maxsize=8)
def environment_of(language: str) -> Environment:
    """Return what draws templates in that language; made once."""
    environment = Environment(
        loader=FileSystemLoader(_HERE / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
        extensions=["jinja2.ext.i18n"],
    )
    words = _words(language)
    environment.install_gettext_translations(words, newstyle=True)  # type: ignore[attr-defined]
    environment.filters.update(
        size=size_of, age=age_of, short=short_digest, safe_link=safe_link, number=number_of
    )
    environment.filters.update(chart_line=line_of, chart_area=area_of, channel=channel_of)
    environment.globals.update(
        # `_` fills places in; what somebody typed may hold a `%`, and goes through this one.
        said=words.gettext,
        ngettext=_with_spaces(cast("Callable[..., str]", environment.globals["ngettext"])),
        asset=asset,
        kind_of=kind_of_id,
        icon=_icon,
        languages=LANGUAGES,
        now=_now,
    )
    return environment


def _now() -> datetime:
    return datetime.now(UTC)


def _icon(name: str | Kind, size: int = 20) -> Markup:
    symbol = name.icon if isinstance(name, Kind) else name
    return Markup(
        '<svg class="icon" width="{0}" height="{0}" aria-hidden="true">'
        '<use href="{1}#icon-{2}"/></svg>'
    ).format(size, asset("icons.svg"), symbol)


def _words(language: str) -> gettext.NullTranslations:
    return gettext.translation("entrepot", _HERE / "locale", [language], fallback=True)


async def prepare(page: Page, request: PageRequest) -> None:
    """Compile the page's templates where that was not done yet; others go on meanwhile."""
    if (request.language, page.template_name) not in _COMPILED:
        frame = getattr(page, "frame", None)
        names = [page.template_name, *([frame] if frame else [])]
        await asyncio.to_thread(_compile, request.language, names)
        _COMPILED.add((request.language, page.template_name))


_COMPILED: Final[set[tuple[str, str]]] = set()
_REFERRED: Final = re.compile(r"""{%-?\s*(?:extends|include|import|from)\s+["']([\w./-]+)["']""")


def _compile(language: str, names: list[str]) -> None:
    """Compile templates, and those that they extend or import by name."""
    environment, seen = environment_of(language), set[str]()
    while names:
        name = names.pop()
        if name not in seen:
            seen.add(name)
            environment.get_template(name)
            names += _REFERRED.findall((_HERE / "templates" / name).read_text())


def render(page: Page, request: PageRequest) -> bytes:
    """The page as HTML."""
    template = environment_of(request.language).get_template(page.template_name)
    values: dict[str, Any] = {"page": page, "request": request}
    return template.render(values).encode(errors="replace")
