"""Leave of a mail that a gateway made only what was typed on the phone."""

from bot.domain import gateway_habits
from bot.domain.reply_words import LONGEST_CHARS, MOST_LINES, folded, typed

_SIGNED = "--"  # once its end is stripped


def phone_words(text: str) -> str:
    """Return what was typed, without the gateway's own sentences, labels and footers."""
    lines = [line.strip() for line in text[:LONGEST_CHARS].split("\n")[:MOST_LINES]]
    labelled = _after_label(lines)
    body = lines if labelled is None else labelled
    return _before_signature(body) or _typed(body)


def _before_signature(lines: list[str]) -> str:
    """Return the words above a signature; none where nothing is typed above it, as above a gateway's rule."""
    return _typed(lines[: lines.index(_SIGNED)]) if _SIGNED in lines else ""


def _typed(lines: list[str]) -> str:
    return typed(folded(_without_sentences(lines)))


def _after_label(lines: list[str]) -> list[str] | None:
    """Return what follows `Message:`, up to the menu or rule below it; None where there is no such label."""
    for place, line in enumerate(lines):
        found = gateway_habits.LABEL.match(line[:200])
        if found is None:
            continue
        following = lines[place + 1 :]
        ends = next((at for at, one in enumerate(following) if _ends_label(one)), None)
        if ends is None and not any(map(gateway_habits.is_own, lines[:place])):
            continue
        return [line[found.end() :], *following[:ends]]
    return None


def _ends_label(line: str) -> bool:
    return bool(gateway_habits.AFTER_LABEL.fullmatch(line[:100]))


def _without_sentences(lines: list[str]) -> list[str]:
    kept: list[str] = []
    inside = False
    for line in lines:
        if not line:
            inside = False
        elif gateway_habits.LAST.match(line):
            break
        elif gateway_habits.is_sentence(line):
            inside = True
        if not inside and not (line and gateway_habits.is_furniture(line)):
            kept.append(line)
    return kept
