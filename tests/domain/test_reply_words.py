"""Of a reply only what was typed is left."""

from collections.abc import Callable

import pytest

from bot.domain.phone_words import phone_words
from bot.domain.reply_words import MOST_LINES, typed
from tests.domain.corpora import corpus

QUOTES = {
    "english": "On Nov 22, 2026, at 3:14 PM, bot@example.org wrote:",
    "wrapped": "On Sun, Nov 22, 2026 at 3:14 PM Textbridge\n<bot@example.org> wrote:",
    "french": "Le 22 nov. 2026 à 15:14, <bot@example.org> a écrit :",
    "german": "Am 22.11.2026 um 15:14 schrieb bot@example.org:",
    "spanish": "El 22 nov 2026, a las 15:14, bot@example.org escribió:",
    "ruled": "-----Original Message-----",
    "headers": "From: bot@example.org\nSent: Sunday, 22 November 2026\nTo: me\nSubject: hi",
    "ruled headers": "________________________________\nFrom: bot@example.org\nDate: today\nTo: me",
}


@pytest.mark.parametrize("quote", QUOTES.values(), ids=QUOTES)
@pytest.mark.parametrize("mark", ["", "> "])
def test_what_is_quoted_below_is_left_out(quote: str, mark: str) -> None:
    assert typed(f"see you at 7\nbye\n\n{quote}\n\n{mark}@a in B\n{mark}dinner at 7") == "see you at 7\nbye"


def test_answers_between_and_below_quoted_lines_stay() -> None:
    assert typed("On 1.1.2026 a@x.example wrote:\n> where?\n\nhere\n> when?\n\nat 7") == "here\n\nat 7"


@pytest.mark.parametrize(
    "end",
    [
        "Sent from my iPhone",
        "Sent from my Verizon, Samsung Galaxy smartphone",
        "Sent via BlackBerry from T-Mobile",
        "[Sent from Yahoo Mail for iPhone](https://x.example)",
        "Get Outlook for Android",
        "Sent via DROID on Verizon Wireless",
        "Sent from my PALMPRE on the Now Network from Sprint",
        "Envoyé de mon iPhone",
        "Von meinem iPhone gesendet",
        "Inviato da iPhone",
        "Verstuurd vanaf mijn iPhone",
        "Enviado a partir do meu telefone Samsung",
        "iPhone'umdan gönderildi",
        "Holen Sie sich Outlook für iOS",
        "Outlook für Android herunterladen",
        "-- \nMike\n+1 206 555 0100",
        "--\n====\nThis mobile text message is brought to you by AT&T",
        "This e-mail and any attachments are confidential and intended for nobody else.",
    ],
)
def test_signatures_and_what_phones_add_are_left_out(end: str) -> None:
    assert typed(f"see you\n\n{end}") == "see you"


@pytest.mark.parametrize(
    "said",
    [
        "I sent it from my desk",
        "Sent by the landlord",
        "sent via the post yesterday",
        "replied with a smile",
        "From: here to there: a story",
        "he wrote: nothing",
        "see:\nthis\nand that",
        "On it. She wrote back:",
        "1. eggs\n2. milk",
        "a -- b",
    ],
)
def test_what_only_looks_like_it_stays(said: str) -> None:
    assert typed(said) == said


@pytest.mark.parametrize(
    "around",
    [
        "You have received a new message\n\n{}",
        "{}\nThis message was sent using the Picture Messaging service from Some Carrier!\nTo learn how",
        "{}\n\n--\n=====\nBrought to you by, Some Wireless Messaging\nhttp://www.example.org/",
        "{}\n\n-----\nSent by Text Messaging from a mobile device.\nEnvoyé par messagerie texte.\n-----",
        "Note:\n This message contains multimedia contents.\n\nto: a@x.example\n\tfrom: 1\n\tmessage:\n{}",
        "This is an MMS message. Please go to http://x.example to view it.\n\n{}",
        "MMS from 1\n\nText: {}\n\n--------------------\nMore at www.example.org",
        "{}\n\nTo respond to this text message, reply to this email.\n\nYOUR ACCOUNT\nHELP",
        "{}\n\nYou have received the above multimedia message from a Wireless customer.",
        "Diese Nachricht wurde Ihnen von einem Handy übermittelt.\n\n{}\n\nWenn Sie mehr über uns",
    ],
)
@pytest.mark.parametrize(
    "said",
    [
        "hello",
        "you have a picture of my cat?",
        "This is a picture of my dog",
        "if you don't have time call me",
        "go to www.example.org",
        "https://example.org/x",
        "play",
        "...",
    ],
)
def test_what_a_gateway_puts_around_the_words_is_left_out(around: str, said: str) -> None:
    assert phone_words(around.format(said)) == said


@pytest.mark.parametrize(
    "stub",
    [
        "You have received a Multimedia Message",
        "You have a PXT from 2065550100",
        "Thank you for using Picture and Video Messaging by U.S. Cellular.",
        "A New Photo/Video Message.\nClick Go/View to see now http://x.example",
        "Meldingen er sendt fra mobiltelefon og kan kun besvares med mobiltelefon.",
        "Orange UK MMS",
        "(no subject)",
        "Multimedia message",
        "IMG_0001.jpg",
        "Sent on the Sprint® Now Network from my BlackBerry®",
        "Mobile Email from a Cingular Wireless Customer http://www.example.org",
    ],
)
def test_what_a_gateway_says_alone_is_no_text(stub: str) -> None:
    assert phone_words(stub) == ""


def folded(text: str) -> str:
    return " ".join(text.split())


def test_replies_of_mail_programs_are_trimmed(record_property: Callable[[str, object], None]) -> None:
    found = sorted(corpus("replies-discourse/emails").iterdir())
    right = 0
    for mail in found:
        wanted = corpus(f"replies-discourse/trimmed/{mail.name}").read_text("utf-8", "replace")
        answer = "\n".join(
            line for line in wanted.split("\n") if not line.startswith(">")
        )  # we keep no quotes
        right += folded(typed(mail.read_text("utf-8", "replace"))) == folded(answer)
    record_property("figures", {"trimmed": right, "of": len(found)})
    assert found
    assert right / len(found) >= 0.85


@pytest.mark.timeout(5)
@pytest.mark.parametrize("read", [typed, phone_words])
@pytest.mark.parametrize(
    "piece",
    [
        "On 1 a@b ",
        "> ",
        "From: a\nTo: b\n",
        "-" * 300,
        "a:\n",
        "wrote:",
        "On 1\n",
        "you have " * 40,
        " ",
        "\n",
        "<@\n1:\n",
    ],
)
def test_text_without_end_is_trimmed_at_once(read: type[str], piece: str) -> None:
    assert len(read(piece * (1024 * 1024 // len(piece)))) <= MOST_LINES * 500


def test_the_pathological_reply_is_trimmed_at_once() -> None:
    text = corpus("replies-github/pathological.txt").read_text("utf-8", "replace")
    assert len(typed(text)) <= len(text)
