"""What people type becomes plain text: nothing hidden stays, nothing visible is lost."""

import json
import time
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.plain import clean, one_line, plain, visible
from tests.domain.corpora import corpus

HIDDEN = (
    "\x00\x07\x1b\x7f\x80\x9f\u00ad\u034f\u061c\u115f\u180e\u200b\u200c\u200d\u200e\u200f\u202a\u202e\u2060"
    "\u2066\u2069\u3164\ufeff\ufff9\ufffe\ufdd0\U000e0041\U000e0101\ud800\udfff"
)


@pytest.mark.parametrize("char", HIDDEN)
def test_hidden_characters_go(char: str) -> None:
    assert clean(f"a{char}b") == "ab"
    assert visible(char) == ""


@pytest.mark.parametrize("end", ["\r\n", "\r", "\n", "\v", "\f", "\x85", "\u2028", "\u2029"])
def test_every_line_end_becomes_an_lf(end: str) -> None:
    assert clean(f"a{end}b") == "a\nb"


@pytest.mark.parametrize("blank", ["\t", "\u00a0", "\u2003", "\u3000", "\u202f"])
def test_every_blank_becomes_a_space(blank: str) -> None:
    assert clean(f"a{blank}b") == "a b"


def test_at_most_two_blank_lines_stay() -> None:
    assert clean("a\n\n\nb") == "a\n\n\nb"
    assert clean("a" + "\n" * 50 + "b") == "a\n\n\nb"
    assert clean("a\n  \n \n\n   \nb") == "a\n\n\nb"
    assert clean("\n\n a \n\n") == "a"


@pytest.mark.parametrize(
    "text", ["é", "e\u0301", "日本語", "🎉", "❤\ufe0f", "مرحبا", "हिन्दी", "\U0001fae9", "½", "\uf8ff"]
)
def test_what_can_be_seen_stays(text: str) -> None:
    assert clean(text) == text


@given(st.text())
def test_property_cleaning_twice_changes_nothing(text: str) -> None:
    assert clean(clean(text)) == clean(text)


@given(st.text())
def test_property_nothing_hidden_survives(text: str) -> None:
    for char in clean(text):
        assert char == "\n" or unicodedata.category(char) not in ("Cc", "Cf", "Cs", "Zl", "Zp")


@given(st.text())
def test_property_cleaning_keeps_the_visible_characters_in_order(text: str) -> None:
    assert visible(clean(text)) == visible(text)
    letters = [
        char
        for char in text
        if unicodedata.category(char)[0] in "LNPS" and char not in "\u115f\u1160\u3164\uffa0\u2800"
    ]
    kept = iter(clean(text))
    assert all(char in kept for char in letters)


@pytest.mark.parametrize("text", ["", " \n\t", HIDDEN, "\u2800\u2800", "\ufe0f", "\u3000"])
def test_what_cannot_be_seen_counts_as_nothing(text: str) -> None:
    assert visible(text) == ""


@pytest.mark.parametrize(
    ("typed", "shown"),
    [
        ("hi <@42> and <@!7>", "hi @bob and @someone"),
        ("<@&5> in <#6>", "@role in #channel"),
        ("<id:customize>", "#channel"),
        ("<:wave:123> <a:party_x:9>", ":wave: :party_x:"),
        ("at <t:1700000000:R>", "at 2023-11-14 22:13 UTC"),
        ("at <t:1700000000>", "at 2023-11-14 22:13 UTC"),
        ("at <t:-1>", "at 1969-12-31 23:59 UTC"),
        ("at <t:99999999999999999>", "at <t:99999999999999999>"),
        ("use </phone register:77>", "use /phone register"),
        ("see <https://example.net/a?b=c>", "see https://example.net/a?b=c"),
        ("**bold** __under__ ~~gone~~ ||secret||", "bold under gone secret"),
        ("||**both**||", "both"),
        ("(**a b**), x", "(a b), x"),
        ("__snake_case__", "snake_case"),
    ],
)
def test_discords_markup_becomes_plain(typed: str, shown: str) -> None:
    assert plain(typed, {"42": "bob"}) == shown


@pytest.mark.parametrize(
    "typed",
    [
        "*x* _y_",
        "2**3**4",
        "a ** b ** c",
        "**",
        "****",
        "**open",
        "a || b || c",
        "x = a||b||c",
        "~~~",
        "____",
        "f.__class__.__name__",
        r"\**x**",
        "`**code**`",
        "```\n**code**\n```",
        "1 < 2 and 3 > 2",
        "<@>",
        "<@abc>",
        "<:a:>",
        "<script>alert(1)</script>",
        "<https://a b>",
        "**two\nlines**",
        "snake_case_name",
        "# title",
        "> quote",
        "[text](https://example.net)",
        "¯\\_(ツ)_/¯",
    ],
)
def test_what_is_not_clearly_markup_stays_as_typed(typed: str) -> None:
    assert plain(typed, {}) == typed


def test_a_handle_with_hidden_characters_is_cleaned_too() -> None:
    assert plain("<@1>", {"1": "b\u202eo\u200bb"}) == "@bob"


def test_naughty_strings_keep_their_visible_characters_in_order() -> None:
    strings = [text for text in json.loads(corpus("strings-blns/blns.json").read_text()) if visible(text)]
    assert len(strings) >= 250
    kept = [text for text in strings if visible(plain(text, {})) == visible(text)]
    assert len(kept) >= 0.95 * len(strings)


@pytest.mark.parametrize(
    "piece",
    [
        *(
            "*",
            "**",
            "**a",
            "_",
            "__",
            "__a",
            "__a_",
            "a_",
            "~~",
            "~~a ",
            "|",
            "||a ",
            "`",
            "```",
            "```a",
            "<",
        ),
        *("<@", "<t:", "<:a", "</a", "<https://", " \n", "\n", "\u0301", "\u200b", "<@1>", "**a**", "__a__"),
    ],
)
def test_hostile_repetition_takes_linear_time(piece: str) -> None:
    small, large = piece * (20_000 // len(piece)), piece * (160_000 // len(piece))
    started = time.process_time()
    plain(small, {})
    middle = time.process_time()
    plain(large, {})
    ended = time.process_time()
    assert ended - middle < 30 * (middle - started) + 0.5
    assert ended - middle < 4


@given(st.text(alphabet=st.sampled_from("*_~|`<>@#:t/1a \n\\"), max_size=200))
def test_property_markup_of_any_shape_only_loses_markup(text: str) -> None:
    shown = plain(text, {})
    assert shown.count("1") <= text.count("1") or "UTC" in shown
    if "<" not in text:
        assert "".join(char for char in shown if char.isalnum()) == "".join(
            char for char in text if char.isalnum()
        )


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("alice", "alice"),
        ("Rock & Roll", "Rock & Roll"),
        ("Mom: call me", "Mom call me"),
        ("Mom\uff1a call me", "Mom call me"),
        ("a\nb\r\nc\u2028d", "a b c d"),
        ("🎉 Party 🎉", "Party"),
        ("★ Star ★", "Star"),
        ("ⓐ", "a"),
        ("𝓕𝓪𝓷𝓬𝔂", "Fancy"),
        ("ｆｕｌｌ", "full"),
        ("a\u202eb\u200bc", "abc"),
        ("  a   b  ", "a b"),
        ("日本サーバー", "日本サーバー"),
        ("👨\u200d👩\u200d👧", ""),
        ("x" * 100, "x" * 24),
        ("abc " * 100, "abc abc abc abc abc abc"),
    ],
)
def test_a_name_is_one_plain_line(name: str, shown: str) -> None:
    assert one_line(name, 24) == shown


@given(st.text(), st.integers(0, 40))
def test_property_a_name_has_no_line_end_colon_or_emoji(name: str, limit: int) -> None:
    shown = one_line(name, limit)
    assert len(shown.encode("utf-16-le")) // 2 <= limit
    assert ":" not in shown
    assert shown == shown.strip()
    assert not any(unicodedata.category(char) in ("Cc", "Cf", "Cs", "So", "Zl", "Zp") for char in shown)
    assert len(shown.splitlines()) <= 1
