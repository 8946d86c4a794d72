"""The address that adds the bot to a server, from the token alone."""

import base64
import binascii
from urllib.parse import urlencode

_AUTHORIZE = "https://discord.com/oauth2/authorize"
_SCOPES = "bot applications.commands"
# Everything the bot says is an answer to a command or a direct message: it needs no right in any channel.
NO_PERMISSIONS = 0

COMMANDS_MISSING = (
    "If the commands do not show up: open that address again and add the bot to the server once more, "
    "then reload Discord (Ctrl+R)."
)


def print_welcome(application_id: int) -> None:
    """Say where to add the bot to a server, and what to do when the commands do not show."""
    print(f"Invite the bot: {invite_url(application_id)}\n{COMMANDS_MISSING}", flush=True)


def application_id_from_token(token: str) -> int | None:
    """Read the application's id, which a token's first part holds in base64; None where it does not."""
    first = token.partition(".")[0]
    try:
        padded = first + "=" * (-len(first) % 4)
        digits = base64.b64decode(padded, altchars=b"-_", validate=True).decode("ascii")
    except (binascii.Error, ValueError):
        return None
    return int(digits) if digits.isdecimal() else None


def is_bot_token(token: str) -> bool:
    """Tell whether it has the form of Discord's bot tokens: three parts, the first names the application."""
    parts = token.split(".")
    return len(parts) == 3 and all(parts) and application_id_from_token(token) is not None


def invite_url(application_id: int, permissions: int = NO_PERMISSIONS) -> str:
    """Write the address that a server's admin opens to add the bot."""
    asked = {"client_id": application_id, "scope": _SCOPES, "permissions": permissions}
    return f"{_AUTHORIZE}?{urlencode(asked)}"
