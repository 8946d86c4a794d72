"""Texts are counted as phone networks count them, and cut where nothing breaks."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.segments import clusters, cut, fits, is_gsm7, length, septets, utf16_units
from tests.domain.corpora import corpus

# One text of several holds fewer units, since each begins with a header (3GPP TS 23.040).
JOINED_GSM7, JOINED_UCS2 = 153, 67
NOT_AN_ORACLE = (
    "Split 160 two-byte character message",
    "Split 160 surrogate-pairs character message",
)


def parts_of(text: str) -> list[str]:
    """Cut a text as a network would that joins its parts again."""
    if fits(text):
        return [text]
    return cut(text, JOINED_GSM7 if is_gsm7(text) else 0, JOINED_UCS2)


@pytest.mark.parametrize("name", ["split-sms-gsm.json", "split-sms-unicode.json"])
def test_the_parts_are_those_of_split_sms(name: str) -> None:
    cases = json.loads(corpus(f"sms-segments/{name}").read_text())
    checked = 0
    for case in cases:
        if case["description"] in NOT_AN_ORACLE or not case["message"]:
            continue
        text = case["message"]
        assert parts_of(text) == [part["content"] for part in case["parts"]], case["description"]
        unit = 1 if is_gsm7(text) else 2
        assert [length(part) * unit for part in parts_of(text)] == [part["bytes"] for part in case["parts"]]
        checked += 1
    assert checked >= 8


def test_the_numbers_of_segments_are_twilios() -> None:
    cases = json.loads(corpus("sms-segments/twilio-segments.json").read_text())
    assert len(cases) == 10
    for case in cases:
        text = case["body"]
        assert is_gsm7(text) is (case["encoding"] == "GSM-7")
        assert len(parts_of(text)) == case["segments"], case["testDescription"]
        assert length(text) * (7 if is_gsm7(text) else 16) == case["messageSize"]
        assert len(list(clusters(text))) == case["characters"]


def test_what_twilio_replaces_is_not_gsm7() -> None:
    replaced = json.loads(corpus("sms-segments/twilio-smart-encoding.json").read_text())
    assert len(replaced) == 270
    assert [char for char in replaced if char and is_gsm7(char) and char != " "] == []


def test_the_default_alphabet_has_127_characters_and_the_extension_10() -> None:
    alphabet = [chr(code) for code in range(0x10000) if is_gsm7(chr(code))]
    assert len([char for char in alphabet if septets(char) == 1]) == 127
    assert sorted(char for char in alphabet if septets(char) == 2) == sorted("\f^{}\\[~]|€")


@pytest.mark.parametrize(
    ("text", "units"),
    [
        ("", 0),
        ("a", 1),
        ("€", 2),
        ("[a]", 5),
        ("é", 1),
        ("ê", 1),
        ("ê€", 2),
        ("`", 1),
        ("🎉", 2),
        ("a🎉", 3),
        ("ç", 1),
        ("Ç", 1),
    ],
)
def test_a_text_is_counted_in_the_units_of_its_alphabet(text: str, units: int) -> None:
    assert length(text) == units


def test_one_sms_ends_at_160_septets_or_70_units() -> None:
    assert fits("x" * 160)
    assert not fits("x" * 161)
    assert not fits("x" * 159 + "€")
    assert fits("ж" * 70)
    assert not fits("ж" * 71)
    assert not fits("ж" * 69 + "🎉")


@pytest.mark.parametrize(
    "whole",
    [
        "🎉",
        "e\u0301",
        "🇮🇹",
        "👍🏽",
        "🏳\ufe0f\u200d🌈",
        "각".encode().decode(),
        "\u1100\u1161\u11a8",
        "👨\u200d👩\u200d👧",
    ],
)
def test_what_looks_like_one_character_is_never_cut(whole: str) -> None:
    assert list(clusters(whole)) == [whole]
    pieces = cut(whole * 40, 100, 21)
    assert "".join(pieces) == whole * 40
    assert all(len(piece) % len(whole) == 0 for piece in pieces)


def test_three_flags_are_three_characters() -> None:
    assert list(clusters("🇮🇹🇫🇷🇩🇪")) == ["🇮🇹", "🇫🇷", "🇩🇪"]


def test_a_cut_falls_on_a_blank_where_there_is_one() -> None:
    assert cut("one two three four", 9, 9) == ["one two", "three", "four"]
    assert cut("one two\nthree four", 9, 9) == ["one two", "three", "four"]


def test_a_long_word_is_cut_inside_rather_than_leaving_half_a_text_empty() -> None:
    assert cut("a " + "b" * 20, 10, 10) == ["a bbbbbbbb", "b" * 10, "bb"]


def test_a_part_without_special_characters_uses_the_whole_room() -> None:
    pieces = cut("x" * 100 + "🎉", 100, 40)
    assert pieces == ["x" * 100, "🎉"]


def test_beside_text_that_is_not_gsm7_only_the_small_room_counts() -> None:
    assert [len(piece) for piece in cut("x" * 100, 0, 40)] == [40, 40, 20]


def test_a_heap_of_marks_larger_than_a_text_is_still_cut() -> None:
    zalgo = "a" + "\u0301" * 300
    pieces = cut(zalgo, 100, 40)
    assert "".join(pieces) == zalgo
    assert all(length(piece) <= 40 for piece in pieces)


def test_without_room_nothing_is_cut() -> None:
    with pytest.raises(ValueError, match="room"):
        cut("x", 10, 1)


@given(
    st.text(alphabet=st.sampled_from("ab \n€[é^`ж🎉\u0301🇮🇹👍🏽\u200d"), max_size=300),
    st.integers(0, 60),
    st.integers(2, 40),
)
def test_property_pieces_fit_and_nothing_is_lost(text: str, septet_room: int, utf16_room: int) -> None:
    pieces = cut(text, septet_room, utf16_room)
    kept = "".join(pieces)
    assert kept.replace(" ", "").replace("\n", "") == text.replace(" ", "").replace("\n", "")
    for piece in pieces:
        assert piece
        assert not piece.endswith((" ", "\n"))
        as_gsm7 = is_gsm7(piece) and septets(piece) <= septet_room
        assert as_gsm7 or utf16_units(piece) <= utf16_room
        piece.encode("utf-16-le")
