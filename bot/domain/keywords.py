"""Hear the words that act at once: STOP, HELP, START and what else people write for them."""

import re
import unicodedata
from typing import Final

from bot.domain.inbound import Kind

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
# A whole sentence that asks for it, its punctuation gone; with a word more it is something to read.
_ASKED_TO_STOP: Final = re.compile(
    r"(?:(?:ok|hey|hi|hello|just) )?"
    r"(?:stop (?:texting|messaging|contacting|spamming|smsing) (?:me|us|this (?:number|phone)|my phone)|"
    r"stop sending (?:me |us )?(?:any |any more |more |these |those |your |the )?(?:texts?|text messages|"
    r"messages|sms|spam)(?: to (?:me|us|this number|my phone))?|"
    r"stop (?:these|those|your|the|all) (?:texts|text messages|messages|sms|spam)|"
    r"(?:do not|don t|dont) (?:text|message|contact|sms) (?:me|us|this number|my phone)|"
    r"(?:take|get) (?:me|us|(?:this|my) number) off (?:of )?(?:this|that|your|the)(?: [a-z]{1,20})? list|"
    r"remove (?:me|us|(?:this|my) number)(?: from (?:this|that|your|the)(?: [a-z]{1,20})? list)?|"
    r"unsubscribe (?:me|us|this number|my phone)|opt (?:me|us) out|"
    r"(?:i|we) (?:want|wish|would like) to (?:opt out|unsubscribe)|i opt out|"
    r"no more (?:texts|text messages|messages|sms))"
    r"(?: (?:now|again|anymore|any more|ever again|immediately|thanks|thank you)){0,2}"
)
_RULE: Final = re.compile(r"[-=_*~—]{2,200}")
_MOST_CHARS: Final = 60


def keyword(words: str) -> Kind | None:
    """Return what a reply asks for with one of the words that act, or None where it is something to read.

    The word stands alone, or alone in the first line with a footer after an empty line or a rule. In capitals
    it counts whatever the next line is; a sentence that only contains it ("stop by at 7") is a reply. So is
    every sentence but those that ask for nothing else ("stop texting me").
    """
    first, _, rest = words.strip().partition("\n")
    found = _alone(first)
    if found is None or not rest.strip():
        return found
    next_line = rest.partition("\n")[0].strip()
    apart = not next_line or bool(_RULE.fullmatch(next_line))
    return found if apart or (first.isupper() and found is Kind.STOP) else None


def _alone(line: str) -> Kind | None:
    if len(line) > _MOST_CHARS:
        return None
    bare = "".join(char if char.isalnum() else "" if char == "-" else " " for char in _plain(line))
    said = [word for word in bare.split() if word not in _POLITE]
    if _ASKED_TO_STOP.fullmatch(" ".join(said)):
        return Kind.STOP
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
