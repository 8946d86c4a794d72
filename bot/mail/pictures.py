"""Take out of a reply the pictures that a person sent, without its gateway's logos and spacers."""

import re

from bot.domain.gateway_habits import ORNAMENT
from bot.domain.inbound import Picture
from bot.mail.parts import Letter, Part

MOST_PICTURES = 4
MOST_BYTES = 8 * 1024 * 1024
_FEWEST_BYTES = 64  # a spacer is one dot
_MANY_GIFS = 3
# Only what is what it says; the first octets tell.
_SIGNATURES = (
    (b"\xff\xd8\xff", "image/jpeg", ".jpg"),
    (b"\x89PNG\r\n\x1a\n", "image/png", ".png"),
    (b"GIF8", "image/gif", ".gif"),
)
_UNSAFE = re.compile(r"[^A-Za-z0-9._-]+")


def pictures_of(letter: Letter) -> tuple[Picture, ...]:
    """Return the pictures, at most so many and so large together."""
    whole = letter.parts[:-1] if letter.cut else letter.parts
    candidates = [part for part in whole if _may_be_one(part)]
    gifs = sum(part.kind == "image/gif" for part in candidates)
    photo = any(part.kind == "image/jpeg" for part in candidates)
    found: list[Picture] = []
    seen: set[bytes] = set()
    room = MOST_BYTES
    for part in candidates:
        if part.kind == "image/gif" and (gifs >= _MANY_GIFS or (photo and _is_in_a_page(part))):
            continue  # a page full of them is the gateway's, and so is one without a name beside a photo
        picture = _picture(part, len(found) + 1)
        if picture is None or picture.content in seen or len(picture.content) > room:
            continue
        found.append(picture)
        seen.add(picture.content)
        room -= len(picture.content)
        if len(found) >= MOST_PICTURES:
            break
    return tuple(found)


def _may_be_one(part: Part) -> bool:
    if not part.kind.startswith("image/") and not (part.kind == "application/octet-stream" and part.name):
        return False
    marks = (part.name, part.headers.first("content-id"), part.headers.first("content-location"))
    return not any(ORNAMENT.fullmatch(mark.strip("<>")) for mark in marks if mark)


def _is_in_a_page(part: Part) -> bool:
    return not part.name and part.inside[-1:] == ("multipart/related",)


def _picture(part: Part, place: int) -> Picture | None:
    content = part.content
    if len(content) < _FEWEST_BYTES:
        return None
    for begin, kind, ending in _SIGNATURES:
        if content.startswith(begin):
            stem = _UNSAFE.sub("-", part.name.rpartition("/")[2].rpartition(".")[0])[:40].strip("-.")
            return Picture(f"{stem or f'picture-{place}'}{ending}", kind, content)
    return None
