"""Read delivery reports (RFC 3464): what became of each recipient, however loosely the fields are written."""

import re
from dataclasses import dataclass, field

from bot.mail.headers import addresses, words

MOST_RECIPIENTS = 20
_FIELD = re.compile(r"\s{0,8}([A-Za-z][A-Za-z-]{2,40})[ \t]*:[ \t]*(.*)")
_STATUS = re.compile(r"(?<![\d.])([245]\.\d{1,3}\.\d{1,3})(?![\d.])")
_CODE = re.compile(r"(?<![\d.])([45]\d\d)(?![\d.])")
_PAIR = re.compile(r'"(emailAddress|status|diagnosticCode)"\s{0,5}:\s{0,5}"([^"]{1,1000})"')
_RECIPIENT = ("original-recipient", "final-recipient", "x-actual-recipient")
_KNOWN = frozenset({*_RECIPIENT, "action", "status", "diagnostic-code", "remote-mta", "last-attempt-date"})


@dataclass(frozen=True, slots=True)
class Fate:
    """What a report says of one recipient."""

    recipient: str = field(default="", repr=False)
    action: str = ""
    status: str = ""
    code: int | None = None
    diagnostic: str = field(default="", repr=False)
    by_program: bool = False


def fates(text: str) -> tuple[Fate, ...]:
    """Read the groups of fields; a new one begins where a field comes up again."""
    groups: list[dict[str, str]] = [{}]
    name = ""
    for line in text.split("\n"):
        found = _FIELD.fullmatch(line)
        if found is not None and not (name and line[0] in " \t" and found[1].lower() not in _KNOWN):
            name = found[1].lower()
            if name in groups[-1]:
                groups.append({})
            groups[-1][name] = found[2]
        elif not line.strip():
            groups += [{}] if "action" in groups[-1] and "status" in groups[-1] else []
            name = ""
        elif name and line[0] in " \t":
            groups[-1][name] = f"{groups[-1][name]} {line.strip()}"[:4_000]
        if len(groups) > MOST_RECIPIENTS:
            break
    found_fates = (_fate(group) for group in groups)
    return tuple(fate for fate in found_fates if fate.action or fate.status or fate.diagnostic)


def notified(text: str) -> tuple[Fate, ...]:
    """Read Amazon SES's notice in JSON, in which the recipients stand as JSON in a string."""
    groups: list[dict[str, str]] = []
    for found in _PAIR.finditer(text.replace('\\"', '"')):
        if found[1] == "emailAddress" and len(groups) < MOST_RECIPIENTS:
            groups.append({"final-recipient": found[2], "action": "failed"})
        elif groups and found[1] in ("status", "diagnosticCode"):
            groups[-1]["diagnostic-code" if found[1] == "diagnosticCode" else "status"] = found[2]
    return tuple(map(_fate, groups))


def _fate(group: dict[str, str]) -> Fate:
    kind, _, said = group.get("diagnostic-code", "").partition(";")
    diagnostic = words((said or kind).strip())
    return Fate(
        recipient=_recipient(group),
        action=group.get("action", "").partition("(")[0].strip().lower()[:20],
        status=status_of(group.get("status", "")),
        code=code_of(diagnostic) if kind.strip().lower() in ("smtp", "550", "") or not said else None,
        diagnostic=diagnostic or _comment(group.get("status", "")),  # what the server said goes first
        by_program=kind.strip().lower() == "x-unix",
    )


def _recipient(group: dict[str, str]) -> str:
    for name in _RECIPIENT:
        named = addresses(group.get(name, "").replace(";", " "))
        if named:
            return named[0]
    return ""


def _comment(status: str) -> str:
    return status.partition("(")[2].rpartition(")")[0]


def status_of(text: str) -> str:
    """Return the most telling enhanced status code (RFC 3463) in a text: one that is not x.0.0."""
    found = [code for code in _STATUS.findall(text[:4_000]) if code[0] != "2"]
    return next((code for code in found if not code.endswith(".0.0")), found[0] if found else _good(text))


def _good(text: str) -> str:
    found = _STATUS.search(text[:4_000])
    return found[1] if found else ""


def code_of(text: str) -> int | None:
    """Return the first SMTP reply code of a refusal in a text."""
    found = _CODE.search(text[:4_000])
    return int(found[1]) if found else None
