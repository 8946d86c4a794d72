"""Leave of a reply only what its writer typed: no quoted mail, no signature, no "Sent from my phone"."""

from typing import Final

from bot.domain import mail_habits

LONGEST_CHARS: Final = 32_000
MOST_LINES: Final = 2_000
_LONGEST_HEADER_CHARS: Final = 400
_MOST_WRAPPED_LINES: Final = 3
_MOST_SIGNATURE_LINES: Final = 12


def typed(text: str) -> str:
    """Return what was typed above, between and below whatever is quoted; nothing where all is quoted."""
    lines = [line.rstrip() for line in text[:LONGEST_CHARS].split("\n")[:MOST_LINES]]
    return folded(_unsigned(_unquoted(lines)))


def folded(lines: list[str]) -> str:
    """Join lines, with at most one empty one between two others."""
    kept: list[str] = []
    for line in lines:
        if line.strip() or (kept and kept[-1]):
            kept.append(line.strip())
    return "\n".join(kept).strip()


def _unquoted(lines: list[str]) -> list[str]:
    kept: list[str] = []
    at = 0
    while at < len(lines):
        taken = 1 if _is_quoted(lines[at]) else _header_lines(lines, at)
        if not taken:
            kept.append(lines[at])
        elif not _is_quoted(lines[at]) and not _quotes_follow(lines, at + taken):
            break  # the quoted mail is not marked line by line: it goes on to the end
        at += taken or 1
    return kept


def _is_quoted(line: str) -> bool:
    return line.lstrip(" \t|").startswith((">", "&gt;"))


def _quotes_follow(lines: list[str], at: int) -> bool:
    after = next((line for line in lines[at : at + 4] if line.strip()), "")
    return _is_quoted(after)


def _header_lines(lines: list[str], at: int) -> int:
    """Say how many lines from this one on introduce a quoted mail: "On … wrote:", a rule, or headers."""
    line = lines[at]
    if not line.strip():
        return 0
    if mail_habits.RULED.fullmatch(line[:200]) and mail_habits.RULED_WORDS.search(line[:200]):
        return 1
    if mail_habits.RUN_ON.match(line[:_LONGEST_HEADER_CHARS]):
        return 1
    if mail_habits.RULED_BY.fullmatch(line[:_LONGEST_HEADER_CHARS]):
        return 1
    if mail_habits.FULL_RULE.fullmatch(line[:120]):
        near = range(at + 1, min(at + 4, len(lines)))
        after = next((place for place in near if lines[place].strip()), at)
        return after - at if after > at and _begins_headers(lines, after) else 0
    return 1 if _begins_headers(lines, at) else _wrote_lines(lines, at)


def _begins_headers(lines: list[str], at: int) -> bool:
    if not mail_habits.HEADER.fullmatch(lines[at][:_LONGEST_HEADER_CHARS]):
        return False
    following = [line for line in lines[at + 1 : at + 6] if line.strip()][:4]
    named = sum(bool(mail_habits.NEXT_HEADER.fullmatch(line[:_LONGEST_HEADER_CHARS])) for line in following)
    return named >= 2


def _wrote_lines(lines: list[str], at: int) -> int:
    joined = ""
    for count in range(1, _MOST_WRAPPED_LINES + 1):
        if at + count > len(lines) or len(joined) > _LONGEST_HEADER_CHARS:
            return 0
        line = lines[at + count - 1].strip().removeprefix(">").strip()
        if not line:
            return 0
        joined = f"{joined} {line}".strip()
        if not mail_habits.BEGINS.match(joined):
            return 0
        if joined.endswith((":", "：")) and len(joined) <= _LONGEST_HEADER_CHARS:
            introduces = mail_habits.WRITTEN_BY.fullmatch(joined) or mail_habits.BY_DATE.fullmatch(joined)
            return count if introduces else 0
    return 0


def _unsigned(lines: list[str]) -> list[str]:
    """Leave out signatures, disclaimers and what phones and mail programs put below."""
    kept: list[str] = []
    for place, line in enumerate(lines):
        if mail_habits.DISCLAIMER.match(line[:_LONGEST_HEADER_CHARS]) and any(kept):
            break
        if mail_habits.SIGNATURE.fullmatch(line[:80]) and _is_short(lines[place + 1 :]):
            break
        if not mail_habits.SENT_FROM.fullmatch(line[:_LONGEST_HEADER_CHARS]):
            kept.append(_without_run_on(line))
    return kept


def _without_run_on(line: str) -> str:
    found = mail_habits.RUN_ON_SENT_FROM.search(line[-200:])
    return line[: len(line) - len(found[0])] if found else line


def _is_short(rest: list[str]) -> bool:
    return sum(bool(line.strip()) for line in rest) <= _MOST_SIGNATURE_LINES
