"""What a phone shows: our first line, then the sender's words, in texts that fit."""

import json
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.errors import UserError
from bot.domain.plain import clean, plain, visible
from bot.domain.render import Footer, chat_parts, code_text, footer
from bot.domain.segments import fits, is_gsm7, length, room_for
from tests.domain.corpora import corpus

FIRST_LINE = re.compile(r"@\S{1,32} in [^\n:]{1,24}?(?: \((\d+)/(\d+)\))?")


def words_of(parts: tuple[str, ...]) -> str:
    """Put the words of all parts together again, without the first lines."""
    return "\n".join(part.partition("\n")[2] for part in parts)


def test_a_short_text_is_one_part_with_our_first_line() -> None:
    assert chat_parts("alice", "Rock & Roll", "dinner at 7") == ("@alice in Rock & Roll\ndinner at 7",)


def test_a_text_that_just_fits_is_one_part() -> None:
    head = "@alice in Here\n"
    assert len(chat_parts("alice", "Here", "x" * (160 - len(head)))) == 1
    assert len(chat_parts("alice", "Here", "x" * (161 - len(head)))) == 2
    assert len(chat_parts("alice", "Here", "ж" * (70 - len(head)))) == 1
    assert len(chat_parts("alice", "Here", "ж" * (71 - len(head)))) == 2


def test_a_long_text_is_numbered_and_cut_between_words() -> None:
    words = "the quick brown fox jumps over the lazy dog " * 8
    parts = chat_parts("alice", "Here", words)
    assert [part.partition("\n")[0] for part in parts] == [f"@alice in Here ({n}/3)" for n in (1, 2, 3)]
    assert words_of(parts).split() == words.split()


def test_more_than_nine_parts_leave_room_for_longer_numbers() -> None:
    parts = chat_parts("alice", "Here", "word " * 400, most=20)
    assert len(parts) > 9
    assert all(fits(part) for part in parts)
    assert parts[-1].startswith(f"@alice in Here ({len(parts)}/{len(parts)})\n")


def test_a_text_of_too_many_parts_says_how_long_it_was_and_may_be() -> None:
    with pytest.raises(UserError) as caught:
        chat_parts("alice", "Here", "word " * 800)
    said = str(caught.value)
    assert "3,999 characters" in said
    assert "10 texts" in said
    allowed = int(re.findall(r"about ([\d,]+) characters", said)[0].replace(",", ""))
    assert 1000 < allowed < 1500
    assert len(chat_parts("alice", "Here", ("word " * 800)[:allowed])) <= 10


@pytest.mark.parametrize(
    "words", ["", "   ", "\n\n", "\u200b\u200b", "\u2800", "\x00\x01", "\ufe0f", "\ud800"]
)
def test_a_text_without_anything_to_see_is_refused(words: str) -> None:
    with pytest.raises(UserError, match="nothing to send"):
        chat_parts("alice", "Here", words)


def test_emoji_alone_are_a_text() -> None:
    assert chat_parts("alice", "Here", "🎉") == ("@alice in Here\n🎉",)


@pytest.mark.parametrize(
    ("server", "line"),
    [
        ("Mom: 123456 is your code", "@alice in Mom 123456 is your code"),
        ("a\nb", "@alice in a b"),
        ("🎉🎉", "@alice in a server"),
        ("", "@alice in a server"),
        ("The Society of Very Long Names", "@alice in The Society of Very Long"),
    ],
)
def test_the_first_line_is_ours_whatever_the_server_is_called(server: str, line: str) -> None:
    assert chat_parts("alice", server, "hi") == (f"{line}\nhi",)


def test_a_hostile_handle_stays_one_word_without_a_colon() -> None:
    (part,) = chat_parts("Chase Bank:\n123456", "Here", "hi")
    assert part == "@ChaseBank123456 in Here\nhi"


def test_the_longest_names_still_leave_room_for_words_in_70_units() -> None:
    parts = chat_parts("h" * 32, "Ж" * 100, "ж" * 60)
    assert all(fits(part) for part in parts)
    assert all(part.startswith("@" + "h" * 32 + " in ЖЖЖЖЖЖ") for part in parts)


def test_a_code_has_its_own_form_that_chat_never_takes() -> None:
    code = code_text("123456", "alice")
    assert code == "123456 is your Textbridge code for @alice. Type it only in Discord's Enter code."
    (chat,) = chat_parts("mallory", "Here", code)
    assert chat.splitlines()[0] == "@mallory in Here"
    assert not chat.startswith("123456")


def test_a_code_text_is_always_one_gsm7_text() -> None:
    for handle in ("h" * 32, "ж" * 32, "🎉", "", "a b:c"):
        text = code_text("12345678", handle)
        assert is_gsm7(text)
        assert fits(text)
        assert ":" not in text


@pytest.mark.parametrize("code", ["", "12a456", "١٢٣٤٥٦", "1", "123456\n"])
def test_only_digits_are_a_code(code: str) -> None:
    with pytest.raises(ValueError, match="code"):
        code_text(code, "alice")


def check(handle: str, server: str, words: str) -> None:
    """Check all that must hold for the parts of any text."""
    parts = chat_parts(handle, server, words, most=10_000)
    assert visible(words_of(parts)) == visible(words)
    for place, part in enumerate(parts, 1):
        line = part.partition("\n")[0]
        match = FIRST_LINE.fullmatch(line)
        assert match
        assert len(parts) == 1 or match.groups() == (str(place), str(len(parts)))
        assert length(part) <= (160 if is_gsm7(part) else 70)
        part.encode()


@given(
    st.text(max_size=40),
    st.text(max_size=40),
    st.text(alphabet=st.characters(codec="utf-8") | st.sampled_from("abc €[]éж🎉 \n"), max_size=800),
)
def test_property_every_part_fits_and_keeps_all_that_can_be_seen(
    handle: str, server: str, words: str
) -> None:
    if visible(words):
        check(handle, server, words)


def test_naughty_strings_arrive_whole_as_words_name_and_server() -> None:
    strings = json.loads(corpus("strings-blns/blns.json").read_text())
    for text in strings:
        said = plain(text, {})
        if visible(said):
            check("alice", text, said)
            check(text, "Here", "hi")


INBOX, CONTACT = footer("", has_inbox=True), footer("abuse@example.org", has_inbox=False)


def test_a_first_text_ends_with_how_to_stop() -> None:
    assert chat_parts("ann", "Club", "hi", footers=[INBOX]) == ("@ann in Club\nhi\nReply STOP to stop.",)
    (said,) = chat_parts("ann", "Club", "hi", footers=[CONTACT])
    assert said.endswith("\nStop: /phone in Discord, or abuse@example.org")


@pytest.mark.parametrize("contact", ["", "x" * 41, "https://example.org/abuse", "Öwner ☎", "例え"])
def test_a_contact_that_would_cost_more_than_a_line_is_left_out(contact: str) -> None:
    assert footer(contact, has_inbox=False) == ("Stop: /phone in Discord", "Stop: /phone")


@given(
    words=st.text(min_size=1, max_size=700).filter(lambda words: bool(visible(clean(words)))),
    server=st.text(max_size=40),
    stop=st.sampled_from([INBOX, CONTACT, footer("", has_inbox=False)]),
    most=st.sampled_from([110, 160, 480]),
)
def test_the_footer_is_whole_and_every_part_fits(words: str, server: str, stop: Footer, most: int) -> None:
    room = room_for(most)
    try:
        parts = chat_parts("somebody_with_a_long_handle_here", server, words, room=room, footers=[stop])
    except UserError:
        return
    assert all(fits(part, room) for part in parts)
    assert parts[-1].endswith((f"\n{stop.whole}", f"\n{stop.short}"))
    bodies = [part.partition("\n")[2] for part in parts]
    ends = stop.whole if bodies[-1].endswith(stop.whole) else stop.short
    bodies[-1] = bodies[-1].removesuffix(ends)
    assert visible("".join(bodies)) == visible(clean(words))
