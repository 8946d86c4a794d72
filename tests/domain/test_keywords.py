"""A word that acts is heard in every form, and no sentence that only contains one."""

import itertools

import pytest

from bot.domain.inbound import Kind
from bot.domain.keywords import keyword

STOPS = ["stop", "stopall", "end", "cancel", "quit", "unsubscribe", "optout", "revoke", "arret"]
WORDS = [*((word, Kind.STOP) for word in STOPS)]
WORDS += [(word, Kind.HELP) for word in ("help", "info", "aide")]
WORDS += [(word, Kind.START) for word in ("start", "unstop")]
FORMS = [
    "{}",
    "{}.",
    "{}!",
    " {} \n",
    "“{}”",
    "*{}*",
    "({})",
    "{}…",
    "\u200b{}\u2060",
    "{} 🙏",
    "{}\n\nBrought to you by Some Carrier",
    "{}\n-----\nSome Carrier",
    "{} please",
    "{}, {}",
]


@pytest.mark.parametrize(("word", "kind"), WORDS)
def test_every_word_acts_in_every_case_punctuation_and_footer(word: str, kind: Kind) -> None:
    cases = (word, word.upper(), word.title(), word.swapcase().capitalize())
    for written, form in itertools.product(cases, FORMS):
        assert keyword(form.format(written, written)) is kind, (written, form)


@pytest.mark.parametrize(
    "written", ["STOP ALL", "stop-all", "opt out", "Opt-Out", "ARRÊT", "arrêt", "ＳＴＯＰ", "stop stop stop"]
)
def test_other_spellings_of_stop_act(written: str) -> None:
    assert keyword(written) is Kind.STOP


def test_stop_in_capitals_acts_whatever_follows_in_the_next_line() -> None:
    assert keyword("STOP\nunknown footer of a carrier") is Kind.STOP
    assert keyword("stop\nby at 7") is None
    assert keyword("HELP\nme move the sofa") is None


@pytest.mark.parametrize(
    "said",
    [
        "",
        "stop by at 7",
        "Don't stop",
        "please don't stop",
        "the end",
        "END of story",
        "stop end",
        "cancel dinner",
        "quitting",
        "unstoppable",
        "help me",
        "can you help?",
        "info?!? what info",
        "start at 8",
        "yes",
        "YES",
        "no",
        "s t o p p",
        "stop " * 100,
    ],
)
def test_a_sentence_that_only_contains_a_word_is_a_reply(said: str) -> None:
    assert keyword(said) is None


@pytest.mark.parametrize(
    "written",
    [
        "stop texting me",
        "Please stop texting me!",
        "STOP MESSAGING THIS NUMBER NOW",
        "stop sending me messages",
        "Stop sending these texts, please",
        "Don't text me again.",
        "don\u2019t contact me anymore",
        "Do not text this number",
        "take me off your list",
        "remove my number from this mailing list thanks",
        "Unsubscribe me",
        "I want to opt out",
        "no more texts please",
        "stop the messages",
        "stop texting me\n\nSent from my phone",
    ],
)
def test_a_sentence_that_asks_for_nothing_else_is_a_stop(written: str) -> None:
    assert keyword(written) is Kind.STOP


@pytest.mark.parametrize(
    "written",
    [
        "stop texting while you drive",
        "stop texting me so late",
        "stop texting me and call me",
        "stop texting",
        "stop sending me your love",
        "don't text me the address, I have it",
        "don't text",
        "don't stop texting me",
        "why did you stop texting me",
        "did he stop texting me?",
        "take me off the train",
        "remove me from the group photo",
        "no more texts from him today",
        "she said: stop texting me",
        "I want to stop",
        "stop the car",
        "stop texting me\nhaha",
    ],
)
def test_a_sentence_that_says_more_is_a_reply(written: str) -> None:
    assert keyword(written) is None
