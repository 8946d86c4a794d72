"""A stranger's words are quoted so that Discord shows them, pings nobody and hides no link."""

import json
import re

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from bot.commands.quoting import quoted
from bot.domain.plain import clean, visible
from bot.domain.segments import utf16_units
from tests.domain.corpora import corpus

LONGEST = 2000
# What Discord takes for markup where no backslash stands before it.
MARKUP = re.compile(r"(?<!\\)(?:\\\\)*[`*_~|\[\]]|(?<!\\)(?:\\\\)*<(?!https?://)")
PING = re.compile(r"@(?:everyone|here)|<@[!&]?\d+>")
BARE_INVITATION = re.compile(r"discord(?:app)?\.[a-z]+/", re.IGNORECASE)
LINK = re.compile(r"(?<!\S)<https?://[^\s<>]+>(?!\S)")


def check(words: str) -> None:
    said = quoted(words, LONGEST)
    assert utf16_units(said) <= LONGEST
    assert all(line.startswith("> ") for line in said.split("\n"))
    assert PING.search(said) is None
    rest = LINK.sub("link", said)
    assert BARE_INVITATION.search(rest) is None, rest
    assert MARKUP.search(rest) is None, rest
    assert "://" not in rest.replace("\\://", ""), rest
    assert re.search(r"^> [ \t]*(?:[-+#>]|\d+[.)])", rest, re.MULTILINE) is None, rest


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("see you", "> see you"),
        ("one\ntwo", "> one\n> two"),
        ("*hi* _there_ ~~you~~ ||you||", r"> \*hi\* \_there\_ \~\~you\~\~ \|\|you\|\|"),
        ("[click](https://evil.example)", r"> \[click\](https\://evil.example)"),
        ("[a](b) [c](https://d.example)", r"> \[a\](b) \[c\](https\://d.example)"),
        ("look: https://example.org/a_b now", "> look: <https://example.org/a_b> now"),
        ("discord.gg/abc https://discord.gg/abc", "> discord\\.gg/abc <https://discord.gg/abc>"),
        ("@everyone @here", "> @\u200beveryone @\u200bhere"),
        ("<@12345678901234567> <#1>", "> \\<@\u200b12345678901234567\\> \\<#1\\>"),
        ("<@&1> </x:1> <t:1:R>", "> \\<@&1\\> \\</x:1\\> \\<t:1:R\\>"),
        ("# head\n- list\n-# small\n1. one", "> \\# head\n> \\- list\n> \\-# small\n> 1\u200b. one"),
        ("> quote\n>>> all", "> \\> quote\n> \\>\\>\\> all"),
        ("a\u202eb\u200bc\u2066d", "> abcd"),
        ("```\ncode\n```", "> \\`\\`\\`\n> code\n> \\`\\`\\`"),
        ("\\*not bold\\*", "> \\\\\\*not bold\\\\\\*"),
        ("at 7:30 (ok), 50% off!", "> at 7:30 (ok), 50% off!"),
    ],
)  # fmt: skip
def test_words_are_only_words(words: str, said: str) -> None:
    assert quoted(words, LONGEST) == said
    check(words)


@given(
    st.text(
        st.sampled_from("a h1.)-+#> \n\t\\`*_~|[]<>@:/!&?\u200b\u202e\U0001f600") | st.characters(),
        max_size=400,
    )
)
@settings(max_examples=300)
@example("0 -")
def test_whatever_is_said_is_only_words(words: str) -> None:
    check(words)
    check(f"https://{words} http://a.b/{words} @everyone{words}<@12345678901234567>")


def test_the_naughty_strings_ping_nobody_and_hide_no_link() -> None:
    strings = json.loads(corpus("strings-blns/blns.json").read_text("utf-8"))
    assert len(strings) > 250
    for words in strings:
        check(words)
        check(f"# {words} https://example.org/{words}\n- {words} <@12345678901234567>")


@pytest.mark.parametrize("words", ["x" * 5000, "*" * 5000, "\U0001f600" * 5000, "\n" * 4000, "a b " * 3000])
def test_what_is_too_long_is_cut_between_two_characters(words: str) -> None:
    check(words)
    said = quoted(words, LONGEST)
    if len(clean(words)) > LONGEST:
        assert said.endswith(" …")
        assert utf16_units(said) > LONGEST - 70
    said.encode("utf-8")
    assert not visible(words) or visible(said.removeprefix("> "))
