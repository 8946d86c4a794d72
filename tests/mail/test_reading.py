"""A mail is told for what it is: a reply, a machine's, a word that acts; with number, words and pictures."""

import base64

import pytest

from bot.domain.inbound import Kind
from bot.mail.pictures import MOST_PICTURES
from bot.mail.reading import read

JPEG = b"\xff\xd8\xff\xe0" + b"picture" * 20
PHONE = "From: 2065550100@vtext.com\nTo: bot@example.org\n"


def mail(words: str, *headers: str, sender: str = "2065550100@vtext.com") -> bytes:
    return "\n".join((f"From: {sender}", *headers, "", words)).encode()


def multipart(
    *parts: str, kind: str = "mixed", sender: str = "2065550100@vtext.com", subject: str = ""
) -> bytes:
    body = "".join(f"--x\n{part}\n" for part in parts)
    head = f"From: {sender}\nSubject: {subject}\nContent-Type: multipart/{kind}; boundary=x\n\n"
    return f"{head}{body}--x--\n".encode()


def picture(content: bytes, *headers: str, kind: str = "image/jpeg") -> str:
    head = (f"Content-Type: {kind}", "Content-Transfer-Encoding: base64", *headers, "")
    return "\n".join((*head, base64.encodebytes(content).decode()))


def test_a_reply_has_words_number_and_what_it_answers() -> None:
    reading = read(mail("at 7 is fine", "In-Reply-To: <first@example.org>"))
    assert (reading.kind, reading.words, reading.number, reading.mail_id) == (
        Kind.REPLY,
        "at 7 is fine",
        "12065550100",
        "first@example.org",
    )


@pytest.mark.parametrize(
    ("sender", "number"),
    [
        ("12065550100@mms.att.net", "12065550100"),
        ("+12065550100/TYPE=PLMN@mms.example", "12065550100"),
        ("+919800000000/TYPE=PLMN", "919800000000"),
        ('"+442070000000" <QWERTY@mms.example.co.za>', "442070000000"),
        ("447700900000@mms.example.co.uk", "447700900000"),
        ("0770090000@mms.example.co.uk", "0770090000"),
        ("Some One <a@x.example>", ""),
        ("12345@x.example", ""),
        ("", ""),
    ],
)
def test_the_number_is_found_where_gateways_put_it(sender: str, number: str) -> None:
    assert read(mail("hi", sender=sender)).number == number


def test_the_return_path_shows_the_number_where_from_does_not() -> None:
    assert (
        read(mail("hi", "Return-Path: <2065550100@mms.example.net>", sender="a@x.example")).number
        == "12065550100"
    )


def test_a_number_in_the_page_counts_where_the_gateway_puts_it_there_only() -> None:
    page = "Content-Type: text/html\n\n<!-- name=&quot;MDN&quot;&gt;2065550100 --><td>hi</td>"
    assert read(multipart(page, sender="someone@pm.sprint.com")).number == "12065550100"
    assert read(multipart(page, sender="someone@x.example")).number == ""


@pytest.mark.parametrize(
    "part",
    [
        "Content-Type: text/plain; name=media.txt\nContent-Disposition: attachment\n\nhello",
        "Content-Type: text/plain; name=text_0\nContent-Disposition: attachment\n\nhello",
        'Content-Type: application/octet-stream; name="a.txt"\n\nhello',
        "Content-Type: text/html\n\n<table><tr><td>hello</td></tr></table>",
        "Content-Type: text/html\n\n<p>You have received an MMS</p><td>hello</td><a href=x>View it</a>",
        "Content-Type: text/html\n\n<b>From:</b><td>1</td><b>Message:</b><pre>hello</pre><p>Options<p>Buy",
        "Content-Type: text/plain; charset=utf-16\nContent-Transfer-Encoding: base64\n\n//5oAGUAbABsAG8A",
        "Content-Type: text/plain\nContent-Transfer-Encoding: quoted-printable\n\nhel=\nlo",
    ],
)
def test_words_are_found_in_every_kind_of_part(part: str) -> None:
    assert read(multipart(part, "Content-Type: application/smil\n\n<smil>a</smil>")).words == "hello"


def test_plain_text_goes_before_its_html_and_the_same_text_is_taken_once() -> None:
    page = "Content-Type: text/html\n\n<p>hello</p><p>more</p>"
    plain = "Content-Type: text/plain\n\nhello"
    assert read(multipart(plain, page, kind="alternative")).words == "hello"
    assert read(multipart(plain, plain)).words == "hello"


def test_what_is_quoted_in_html_is_left_out() -> None:
    page = "<p>hello</p><p>On 1.1.2026, bot@example.org wrote:</p><blockquote><p>@a in B</p>more</blockquote>"
    raw = multipart(f"Content-Type: text/html\n\n{page}", sender="a@x.example")
    assert read(raw).words == "hello"


def test_the_subject_counts_only_where_a_gateway_puts_words_there() -> None:
    shown = picture(JPEG)
    assert (
        read(multipart(shown, sender="2065550100@tmomail.net", subject="look at this")).words
        == "look at this"
    )
    assert read(multipart(shown, sender="2065550100@tmomail.net", subject="IMG00440.jpg")).words == ""
    assert read(multipart(shown, sender="2065550100@vtext.com", subject="look at this")).words == ""


@pytest.mark.parametrize(
    "header",
    [
        "Auto-Submitted: auto-replied",
        "X-Autoreply: yes",
        "X-Autorespond: gone",
        "Subject: Automatic reply: hello",
        "Subject: =?utf-8?q?R=C3=A9ponse_automatique?=",
        "Subject: Out of office",
        "Return-Path: <>",
        "Precedence: bulk",
        "List-Id: <a.example>",
    ],
)
def test_what_a_machine_wrote_is_automatic(header: str) -> None:
    assert read(mail("I am away", header, sender="a@x.example")).kind is Kind.AUTO
    assert read(mail("I am away", sender="a@x.example")).kind is Kind.REPLY


def test_a_complaint_and_a_receipt_are_automatic() -> None:
    for kind in ("message/feedback-report", "message/disposition-notification"):
        assert (
            read(multipart("Content-Type: text/plain\n\nhi", f"Content-Type: {kind}\n\na: b")).kind
            is Kind.AUTO
        )


def test_a_gateway_that_marks_its_mails_as_bulk_still_carries_replies() -> None:
    assert read(mail("hello", "Precedence: bulk")).kind is Kind.REPLY
    assert read(mail("hello", "Auto-Submitted: auto-replied")).kind is Kind.AUTO


@pytest.mark.parametrize(("word", "kind"), [("STOP", Kind.STOP), ("help", Kind.HELP), ("Start!", Kind.START)])
def test_words_that_act_are_heard_through_footers_and_quotes(word: str, kind: Kind) -> None:
    quoted = "On 1.1.2026, bot@example.org wrote:\n> Reply STOP"
    assert read(mail(word)).kind is kind
    assert read(mail(f"{word}\n\nSent from my iPhone\n\n{quoted}", sender="a@x.example")).kind is kind
    assert read(mail("", f"Subject: {word}")).kind is kind
    assert read(mail(f"I say {word} to no one")).kind is Kind.REPLY


@pytest.mark.parametrize("mark", ["-- ", "--"])
def test_a_signature_below_a_phones_words_is_none_of_them(mark: str) -> None:
    assert read(mail(f"Stop\n{mark}\nBob")).kind is Kind.STOP
    assert read(mail(f"at 7\n{mark}\nBob Smith\n206 555 0100")).words == "at 7"
    # Without words above it is no signature, and a line of dashes is one only where nothing else is on it.
    assert read(mail(f"{mark}\nBob")).words == "Bob"
    assert "Bob" in read(mail("at 7 -- \nBob")).words


def test_stop_is_heard_even_from_a_machine_and_nothing_else_is() -> None:
    assert read(mail("STOP", "Auto-Submitted: auto-replied")).kind is Kind.STOP
    assert read(mail("HELP", "Auto-Submitted: auto-replied")).kind is Kind.AUTO


def test_a_mail_with_nothing_in_it_is_unknown_unless_a_phone_sent_it() -> None:
    assert read(b"").kind is Kind.UNKNOWN
    assert read(mail("", sender="a@x.example")).kind is Kind.UNKNOWN
    assert read(mail("")).kind is Kind.REPLY


def test_pictures_come_along_without_the_gateways_own() -> None:
    reading = read(
        multipart(
            picture(JPEG, "Content-Disposition: attachment; filename=../my photo.jpg"),
            picture(JPEG + b"2", "Content-Disposition: inline; filename=alltel_logo.jpg"),
            picture(JPEG + b"3", "Content-ID: <spacer>"),
            picture(b"<html>no picture at all, however long it may be, is taken for one</html>"),
            picture(b"\x89PNG"),
            picture(JPEG),
        )
    )
    assert [(one.name, one.kind, one.content) for one in reading.pictures] == [
        ("my-photo.jpg", "image/jpeg", JPEG)
    ]


def test_a_gif_without_a_name_on_the_page_of_a_photo_is_the_gateways() -> None:
    gif = b"GIF89a" + b"picture" * 20
    page = multipart(picture(gif, kind="image/gif"), picture(JPEG), kind="related")
    assert [one.kind for one in read(page).pictures] == ["image/jpeg"]
    alone = multipart(picture(gif, kind="image/gif"), kind="related")
    named = picture(gif, "Content-Disposition: inline; filename=wave.gif", kind="image/gif")
    assert [one.kind for one in read(alone).pictures] == ["image/gif"]
    assert len(read(multipart(named, picture(JPEG))).pictures) == 2


def jpeg(width: int, height: int) -> bytes:
    before = JPEG[:2] + b"\xff\xe0\x00\x10" + b"JFIF".ljust(14, b"\0")
    frame = b"\xff\xc0\x00\x0b\x08" + height.to_bytes(2, "big") + width.to_bytes(2, "big")
    return before + frame.ljust(64, b"\1")


def gif(width: int, height: int) -> bytes:
    return (b"GIF89a" + width.to_bytes(2, "little") + height.to_bytes(2, "little")).ljust(80, b"\1")


def png(width: int, height: int) -> bytes:
    return (b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR" + width.to_bytes(4, "big") + height.to_bytes(4, "big")).ljust(
        80, b"\1"
    )


@pytest.mark.parametrize("ornament", [jpeg(120, 47), gif(760, 80), gif(20, 20), png(300, 60)])
def test_a_banner_beside_what_was_sent_is_the_gateways(ornament: bytes) -> None:
    sent = jpeg(640, 480)
    found = read(multipart(picture(ornament), picture(sent))).pictures
    assert [one.content for one in found] == [sent]
    assert [one.content for one in read(multipart(picture(ornament))).pictures] == [ornament]


@pytest.mark.parametrize(
    "sent", [jpeg(4000, 900), jpeg(1, 1), jpeg(90, 120), png(160, 120), gif(100, 100), JPEG + b"\xff\xe0"]
)
def test_what_phones_send_is_no_banner(sent: bytes) -> None:
    found = read(multipart(picture(jpeg(640, 480)), picture(sent))).pictures
    assert [one.content for one in found] == [jpeg(640, 480), sent]


def test_half_a_picture_is_none() -> None:
    raw = multipart(picture(JPEG + b"1"), picture(JPEG + b"x" * 1024 * 1024))
    assert [one.content for one in read(raw).pictures] == [JPEG + b"1"]


def test_there_are_so_many_pictures_and_no_more() -> None:
    shown = [picture(JPEG + bytes([place])) for place in range(MOST_PICTURES + 3)]
    assert len(read(multipart(*shown)).pictures) == MOST_PICTURES
