"""A browser's side of the doors: cookies, and forms that come from pages of ours."""

from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlencode

from entrepot.http.forms import FORM, form_token
from tests.doors.doors import Answer, Doors

FORM_SECRET = "a-secret-of-this-browser"
ORIGIN = "http://hub.test"


@dataclass(frozen=True, slots=True)
class Browser:
    """Somebody's browser; `session` is the secret of theirs, empty for nobody."""

    doors: Doors
    session: str = ""

    @property
    def cookies(self) -> str:
        """The `Cookie` that it sends."""
        own = f"entrepot_form={FORM_SECRET}"
        return f"{own}; entrepot_session={self.session}" if self.session else own

    async def get(self, target: str, **headers: str) -> Answer:
        """Open a page."""
        return await self.doors.ask_with("GET", target, b"", {**headers, "cookie": self.cookies})

    async def post(self, target: str, **fields: str | list[str]) -> Answer:
        """Send a form as a page of ours does; a field with several values is sent for each."""
        token = form_token(FORM_SECRET, self.session)
        return await self.send(target, {"token": token, **fields}, origin=ORIGIN)

    async def send(
        self, target: str, fields: Mapping[str, str | list[str]], **headers: str
    ) -> Answer:
        """Send a form with just these fields and headers."""
        body = urlencode(fields, doseq=True).encode()
        headers.setdefault("content_type", FORM)
        return await self.doors.ask_with("POST", target, body, {**headers, "cookie": self.cookies})
