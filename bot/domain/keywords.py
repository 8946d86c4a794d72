"""Hear the words that act at once: STOP, HELP, START and what else people write for them."""

import re
import unicodedata
from typing import Final

from bot.domain.inbound import Kind
from bot.domain.mail_habits import SENT_FROM

# YES is not among them, although some services take it for START: it is what people answer to a question.
_WORDS: Final = {
    Kind.STOP: frozenset(
        {"stop", "stopall", "end", "cancel", "quit", "unsubscribe", "optout", "revoke", "arret"}
    ),
    Kind.HELP: frozenset({"help", "info", "aide"}),
    Kind.START: frozenset({"start", "unstop"}),
}
_JOINED: Final = {("stop", "all"): "stopall", ("opt", "out"): "optout", ("un", "stop"): "unstop"}
_POLITE: Final = frozenset({"please", "pls", "svp"})
_RULE: Final = re.compile(r"[-=_*~—]{2,200}")
_MOST_CHARS: Final = 60
# Whole sentences that ask for the same; what goes on otherwise ("stop texting while you drive") is none.
_ME: Final = r"(?:me|us|this (?:number|phone)|my (?:number|phone))"
_TEXTS: Final = r"(?:texts?|messages?|text messages|sms|msgs?|spam)"
_LIST: Final = r"(?:this|that|your|the)(?: [a-z]{1,20})? list"
_SENTENCE: Final = re.compile(
    r"(?:(?:(?:can|could|will|would) you|ok|hey|hi|hello|just) )?"
    rf"(?:(?:stop|quit) (?:all )?(?:texting|messaging|contacting|spamming|smsing) {_ME}|"
    rf"(?:stop|quit) sending (?:{_ME} )?(?:(?:these|those|your|any|any more|more|the) )?{_TEXTS}"
    rf"(?: to {_ME})?|"
    r"stop (?:all |all the |these |those |the |your )?(?:texts|messages|text messages|sms|spam)|"
    rf"no more {_TEXTS}|(?:do not|dont|don t|never) (?:text|message|contact|sms) {_ME}|"
    rf"(?:unsubscribe|remove) {_ME}(?: from {_LIST}| from these {_TEXTS})?|"
    rf"(?:take|get) {_ME} off (?:of )?{_LIST}|opt (?:me|us) out|i opt out|"
    r"(?:i|we) (?:want|would like|wish) to "
    r"(?:unsubscribe|opt out|stop (?:these|your|the) (?:texts|messages)))"
    r"(?: (?:now|again|ever again|any ?more|immediately|right now|at once|forever|thanks|thank you)){0,2}"
)


def keyword(words: str) -> Kind | None:
    """Return what a reply asks for with one of the words that act, or None where it is something to read.

    The word stands alone, or alone in the first line with a footer after an empty line or a rule. In capitals
    it counts whatever the next line is; a sentence that only contains it ("stop by at 7") is a reply. So is
    every sentence but those that ask for nothing else ("stop texting me").
    """
    if _asks_to_stop(words):
        return Kind.STOP
    first, _, rest = words.strip().partition("\n")
    found = _alone(first)
    if found is None or not rest.strip():
        return found
    next_line = rest.partition("\n")[0].strip()
    apart = not next_line or bool(_RULE.fullmatch(next_line))
    return found if apart or (first.isupper() and found is Kind.STOP) else None


def _asks_to_stop(words: str) -> bool:
    first, _, rest = words.strip().partition("\n\n")
    line, footer = " ".join(first.split()), rest.strip().partition("\n")[0].strip()
    # A sentence could go on below an empty line: only what is surely a footer may stand there.
    if footer and not (_RULE.fullmatch(footer) or SENT_FROM.fullmatch(footer)):
        return False
    return len(line) <= _MOST_CHARS and bool(_SENTENCE.fullmatch(" ".join(_bare(line))))


def _bare(line: str) -> list[str]:
    """Split into words without marks and politeness."""
    bare = "".join(char if char.isalnum() else "" if char in "-'’" else " " for char in _plain(line))
    return [word for word in bare.split() if word not in _POLITE]


def _alone(line: str) -> Kind | None:
    if len(line) > _MOST_CHARS:
        return None
    said = _bare(line)
    pair = _JOINED.get((said[0], said[1])) if len(said) == 2 else None
    distinct = {pair} if pair else set(said)
    if len(distinct) != 1:
        return None
    only = distinct.pop()
    return next((kind for kind, known in _WORDS.items() if only in known), None)


def _plain(line: str) -> str:
    """Fold case, width and accents, and leave out what cannot be seen."""
    spread = unicodedata.normalize("NFKD", line)
    return "".join(char for char in spread if unicodedata.category(char) not in ("Mn", "Me", "Cf")).casefold()
