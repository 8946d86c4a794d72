"""What a gateway takes in one mail: texts are cut to it, and links go only where they pass."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.allowance import LONGEST_LENGTH, SHORTEST_LENGTH, Allowance, Subject, has_link
from bot.domain.catalogue import Carrier, Kind
from bot.domain.render import chat_parts, code_text
from bot.domain.segments import ONE_SMS, Room, fits, room_for


@pytest.mark.parametrize(
    ("length", "room"),
    [
        (None, Room(160, 70)),
        (160, Room(160, 70)),
        (140, Room(140, 70)),
        (110, Room(110, 70)),
        (306, Room(306, 134)),
        (918, Room(918, 402)),
    ],
)
def test_the_room_of_one_mail(length: int | None, room: Room) -> None:
    assert Allowance(length).room == room


@given(
    st.text(max_size=400).filter(str.strip),
    st.text(st.characters(codec="ascii", categories=["L"]), min_size=32, max_size=32),
    st.integers(SHORTEST_LENGTH, LONGEST_LENGTH),
)
def test_property_every_part_and_every_code_fits_the_gateway(words: str, handle: str, length: int) -> None:
    room = room_for(length)
    assert fits(code_text("123456", handle), room)
    parts = chat_parts(handle, "A server of twenty-four", f"x{words}", most=100, room=room)
    assert all(fits(part, room) for part in parts)


def test_a_shorter_gateway_gets_shorter_parts_and_a_longer_one_fewer() -> None:
    words = "the quick brown fox jumps over the lazy dog " * 8
    counts = [len(chat_parts("a", "Here", words, room=room_for(length))) for length in (110, 160, 306, 918)]
    assert counts == sorted(counts, reverse=True)
    assert counts[0] > counts[1] > counts[2] > counts[3] == 1
    assert chat_parts("a", "Here", words) == chat_parts("a", "Here", words, room=ONE_SMS)


@pytest.mark.parametrize(
    "words",
    [
        "https://example.net",
        "look: HTTP://x",
        "see www.example.net now",
        "discord.gg/abc",
        "(bit.ly/2x)",
        "a.example.co.uk/page?x=1",
    ],
)
def test_a_link_is_seen(words: str) -> None:
    assert has_link(words)


@pytest.mark.parametrize(
    "words",
    [
        "dinner at 7",
        "3.5/5 stars",
        "e.g./i.e.",
        "and/or",
        "at 7.30pm/8pm",
        "http is old",
        "a.b.c",
        "www",
        "1.2.3",
        "Ok.Go",
        "www...",
    ],
)
def test_plain_words_are_no_link(words: str) -> None:
    assert not has_link(words)


@pytest.mark.parametrize("piece", ["a.", "a.a", "www", "http:", "a.aaaaaaaaaaaaaaaaaaaaaaaaa", "https:/"])
def test_looking_for_links_takes_one_pass(piece: str) -> None:
    started = time.process_time()
    has_link(piece * (40_000 // len(piece)))
    assert time.process_time() - started < 0.1


def test_carriers_turn_links_away_and_services_do_not_unless_it_is_known_otherwise() -> None:
    assert not Carrier(slug="a", name="A").links_pass
    assert Carrier(slug="a", name="A", allowance=Allowance(links=True)).links_pass
    assert Carrier(slug="a", name="A", kind=Kind.SERVICE).links_pass
    assert not Carrier(slug="a", name="A", kind=Kind.SERVICE, allowance=Allowance(links=False)).links_pass


def test_what_is_known_is_written_on_one_line() -> None:
    assert str(Allowance()) == ""
    known = Allowance(140, Subject.SHOWN, links=False, attachments=True)
    assert str(known) == "up to 140 characters a mail, a Subject is shown, refuses links, takes attachments"
