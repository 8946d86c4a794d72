"""Word what a phone shows: the first line that is ours, then the sender's words, in texts that fit."""

import re
from collections.abc import Sequence
from typing import Final, NamedTuple

from bot.domain.allowance import has_link
from bot.domain.errors import UserError
from bot.domain.plain import clean, one_line, visible
from bot.domain.segments import ONE_SMS, Room, cut, fits, is_gsm7, septets, utf16_units

LONGEST_HANDLE_CHARS: Final = 32
LONGEST_SERVER_UNITS: Final = 24
LONGEST_UCS2_HEAD_UNITS: Final = 44
"""Leaves room for words beside the first line, where a text has only 70 units."""
LONGEST_CONTACT_CHARS: Final = 40
_CODE: Final = re.compile(r"[0-9]{4,10}", re.ASCII)


class Footer(NamedTuple):
    """Say how to stop, whole, and in few enough words for the smallest room."""

    whole: str
    short: str


def chat_parts(
    handle: str,
    server: str,
    words: str,
    *,
    most: int = 10,
    room: Room = ONE_SMS,
    footers: Sequence[Footer] = (),
) -> tuple[str, ...]:
    """Write the texts that carry `words`, each with our own first line and each within one mail's room.

    `words` is plain text (`plain.plain`); `footers` are the last lines, never cut. Raise UserError where
    nothing visible is left or where the words would take more than `most` texts.
    """
    said = clean(words)
    if not visible(said):
        raise UserError("There is nothing to send; type some words that can be seen.")
    head = _head(handle, server, said)
    whole = "\n".join((head, said, *(each.whole for each in footers)))
    if fits(whole, room):
        return (whole,)
    pieces, of_words = _pieces(head, said, room, footers)
    if of_words > most:
        raise UserError(_too_long(said, of_words, most))
    total = len(pieces)
    return tuple(f"{head} ({place}/{total})\n{piece}" for place, piece in enumerate(pieces, 1))


def code_text(code: str, handle: str) -> str:
    """Write the text that carries a verification code."""
    if _CODE.fullmatch(code) is None:
        raise ValueError("a code is 4 to 10 digits")
    name = "".join(char for char in _handle(handle) if is_gsm7(char)) or "someone"
    return f"{code} is your Textbridge code for @{name}. Type it only in Discord's Enter code."


def _handle(handle: str) -> str:
    return one_line(handle, LONGEST_HANDLE_CHARS).replace(" ", "") or "someone"


def _head(handle: str, server: str, words: str) -> str:
    """Write the first line; the server's name gets shorter where the text has only 70 units."""
    start = f"@{_handle(handle)} in "
    head = start + (one_line(server, LONGEST_SERVER_UNITS) or "a server")
    if is_gsm7(head + words):
        return head
    room = max(6, min(LONGEST_SERVER_UNITS, LONGEST_UCS2_HEAD_UNITS - utf16_units(start)))
    return start + (one_line(server, room) or "a server"[:room])


def _pieces(head: str, words: str, room: Room, footers: Sequence[Footer]) -> tuple[list[str], int]:
    """Cut the words, with room in the first line for numbers of as many digits as there turn out to be.

    Return all pieces, and how many of them the words alone need.
    """
    pieces: list[str] = []
    of_words = 0
    for digits in range(1, 6):
        first_line = f"{head} ({'9' * digits}/{'9' * digits})\n"
        septet_room = room.septets - septets(first_line) if is_gsm7(first_line) else 0
        pieces = cut(words, septet_room, room.utf16 - utf16_units(first_line))
        of_words = len(pieces)
        last = "\n".join((pieces[-1], *(each.whole for each in footers)))
        if fits(first_line + last, room):
            pieces[-1] = last
        else:
            pieces += (one.whole if fits(first_line + one.whole, room) else one.short for one in footers)
        if len(pieces) < 10**digits:
            break
    return pieces, of_words


ANSWERS_SHOWN: Final = Footer("Answers are shown in that server.", "Answers: public")
"""Ends a text whose answers others read too: whoever answers has to know."""


def footer(contact: str, *, has_inbox: bool) -> Footer:
    """Word how to stop, for the first text of a sender; "Reply STOP" only where replies are read."""
    if has_inbox:
        return Footer("Reply STOP to stop.", "Reply STOP")
    asked = one_line(contact, LONGEST_CONTACT_CHARS + 1)
    whole = "Stop: /phone in Discord"
    # A contact that a phone would show otherwise than it is, is no contact.
    is_whole = asked == " ".join(contact.split()) and len(asked) <= LONGEST_CONTACT_CHARS
    if asked and is_whole and is_gsm7(asked) and not has_link(asked):
        whole += f", or {asked}"
    return Footer(whole, "Stop: /phone")


def _too_long(words: str, parts: int, most: int) -> str:
    about = max(10, len(words) * most // parts // 10 * 10)
    return (
        f"That is {len(words):,} characters and would take {parts} texts; "
        f"make it about {about:,} characters or fewer, which is {most} texts."
    )
