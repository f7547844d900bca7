"""How what webhooks are told is signed: as Standard Webhooks 1.0 has it, with HMAC-SHA256."""

import base64
import hashlib
import hmac
import secrets
from datetime import datetime
from typing import Final

_PREFIX: Final = "whsec_"
_BYTES: Final = 32


def new_webhook_secret() -> str:
    """A fresh secret: a prefix and 256 random bits in base 64."""
    return _PREFIX + base64.b64encode(secrets.token_bytes(_BYTES)).decode()


def signed_headers(secret: str, message: str, body: bytes, now: datetime) -> dict[str, str]:
    """The headers that prove who sends, what, and when."""
    timestamp = str(int(now.timestamp()))
    key = base64.b64decode(secret.removeprefix(_PREFIX))
    content = f"{message}.{timestamp}.".encode() + body
    signature = base64.b64encode(hmac.new(key, content, hashlib.sha256).digest()).decode()
    return {
        "webhook-id": message,
        "webhook-timestamp": timestamp,
        "webhook-signature": f"v1,{signature}",
    }
