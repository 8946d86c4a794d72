"""Get out of a reply what was typed: from its texts, its HTML or, with some gateways, its subject."""

from bot.domain.gateway_habits import EMPTY_SUBJECT, Habit
from bot.domain.phone_words import phone_words
from bot.domain.reply_words import typed
from bot.mail.headers import words
from bot.mail.html_text import lines_of_html
from bot.mail.parts import Letter, Part

LONGEST_CHARS = 20_000
_MOST_TEXTS = 10


def reply_words(letter: Letter, habit: Habit, *, by_phone: bool) -> str:
    """Return what was typed; nothing where the mail holds only pictures or what the gateway itself says."""
    texts = _texts(letter, by_phone=by_phone)
    if not texts and habit.html:
        texts = _pages(letter, by_phone=by_phone)
    said = "\n".join(dict.fromkeys(texts))
    if not said and by_phone and habit.subject:
        said = _subject(letter)
    return said[:LONGEST_CHARS]


def _texts(letter: Letter, *, by_phone: bool) -> list[str]:
    read = phone_words if by_phone else typed
    parts = [part for part in letter.parts if _is_text(part, by_phone=by_phone)]
    found = (read(part.text) for part in parts[:_MOST_TEXTS])
    return [one for one in found if one]


def _is_text(part: Part, *, by_phone: bool) -> bool:
    named_text = part.name.lower().endswith((".txt", ".text"))
    if part.kind != "text/plain" and not (named_text and part.kind == "application/octet-stream"):
        return False
    if part.attached and part.name and not named_text and not (by_phone and "." not in part.name):
        return False  # a file that somebody attached
    return "<smil" not in part.text[:400].lower()


def _pages(letter: Letter, *, by_phone: bool) -> list[str]:
    found: list[str] = []
    for part in [part for part in letter.parts if part.kind == "text/html"][:_MOST_TEXTS]:
        lines = lines_of_html(part.text, menus=not by_phone)
        # Each line of a gateway's page stands in a cell of its own.
        said = phone_words("\n\n".join(lines)).replace("\n\n", "\n") if by_phone else typed("\n".join(lines))
        found += [said] if said else []
    return found


def _subject(letter: Letter) -> str:
    subject = " ".join(words(letter.headers.first("subject")).split())[:300]
    return "" if EMPTY_SUBJECT.fullmatch(subject) else subject
