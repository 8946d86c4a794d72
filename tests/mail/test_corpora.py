"""How well real mails are read: floors, with the figures at the larger sizes."""

from collections.abc import Callable

import pytest

from bot.domain.inbound import Bounce, Kind
from bot.mail.reading import read
from tests.domain.corpora import corpus
from tests.mail.corpora_mails import Labelled, bounces, phone_mails

Figures = Callable[[str, object], None]


def folded(text: object) -> str:
    return " ".join(str(text).split())


def shares(mails: list[Labelled]) -> dict[str, float]:
    """Measure what is found, and how surely what is called hard is hard."""
    read_as = [(mail, read(mail.raw)) for mail in mails]
    labelled = [(mail, reading) for mail, reading in read_as if mail.bounced]
    found = [(mail, reading) for mail, reading in labelled if reading.kind is Kind.BOUNCE]
    judged = [
        (mail.hard, reading.bounce is Bounce.HARD) for mail, reading in labelled if mail.hard is not None
    ]
    both = sum(hard and called for hard, called in judged)
    return {
        "found": len(found) / len(labelled),
        "precision": both / sum(called for _, called in judged),
        "recall": both / sum(bool(hard) for hard, _ in judged),
        "named": sum(
            bool(mail.recipients & set(reading.recipients)) for mail, reading in found if mail.recipients
        )
        / max(1, sum(bool(mail.recipients) for mail, _ in found)),
        "ids": sum(bool(reading.mail_id) for _, reading in found) / len(found),
    }


def test_labelled_bounces_are_found_and_hard_ones_told_apart(record_property: Figures) -> None:
    mails = list(bounces())
    all_of_them = shares(mails)
    record_property("figures", {name: f"{share:.3f}" for name, share in all_of_them.items()})
    assert all_of_them["found"] >= 0.97
    assert all_of_them["precision"] >= 0.95
    assert all_of_them["recall"] >= 0.85
    assert all_of_them["named"] >= 0.9
    assert all_of_them["ids"] >= 0.77


@pytest.mark.parametrize("half", [0, 1])
def test_neither_half_carries_the_other(half: int, record_property: Figures) -> None:
    figures = shares([mail for mail in bounces() if mail.half == half])
    record_property("figures", {name: f"{share:.3f}" for name, share in figures.items()})
    assert figures["found"] >= 0.92
    assert figures["precision"] >= 0.9
    assert figures["recall"] >= 0.8


def test_what_is_labelled_no_bounce_is_none() -> None:
    taken = [mail.name for mail in bounces() if not mail.bounced and read(mail.raw).kind is Kind.BOUNCE]
    # Its label names nobody who was not reached, but it says so itself.
    assert taken in ([], ["simple_43.txt"])


def test_verizons_own_form_is_read() -> None:
    reading = read(corpus("bounces-sisimai/maildir/bsd/lhost-verizon-01.eml").read_bytes())
    assert (reading.kind, reading.bounce, reading.reason) == (Kind.BOUNCE, Bounce.HARD, "unknown")
    assert len(reading.recipients) == 1


@pytest.mark.parametrize(
    "folder",
    ["replies-talon", "replies-discourse/emails", "replies-github", "mms-mms2r/mail", "mail-rubymail"],
)
def test_no_reply_and_no_clean_mail_is_a_bounce(folder: str) -> None:
    for path in sorted(corpus(folder).rglob("*")):
        if path.is_file() and "multipart_report_emails" not in path.parts:
            assert read(path.read_bytes()).kind is not Kind.BOUNCE, path.name


def test_what_was_typed_on_phones_is_exact(record_property: Figures) -> None:
    right = texts = numbers = right_numbers = 0
    posted = []
    for name, raw, label in phone_mails():
        reading = read(raw)
        alternatives = label.get("text_alt", [])
        assert isinstance(alternatives, list)
        wanted = {folded(one) for one in (label["text"], *alternatives)}
        exact = folded(reading.words) in wanted
        if label["text"]:
            texts += 1
            right += exact
        elif label["sure"] and not exact and folded(reading.words) != folded(label.get("subject_text")):
            posted.append(name)
        if label["number"] and label["number_sure"]:
            numbers += 1
            right_numbers += reading.number == label["number"]
    record_property("figures", {"exact": right, "texts": texts, "numbers": right_numbers, "of": numbers})
    assert right / texts >= 0.9
    assert posted == []
    assert right_numbers / numbers >= 0.95


def test_replies_of_mail_programs_are_read_to_the_word() -> None:
    mails = {
        path.name: read(path.read_bytes()).words for path in sorted(corpus("replies-talon").glob("*.eml"))
    }
    assert mails
    assert set(mails.values()) == {"Hello"}
    pages = [path.read_bytes() for path in sorted(corpus("replies-talon/html").iterdir())]
    head = b"From: a@x.example\nContent-Type: text/html; charset=utf-8\n\n"
    assert {read(head + page).words for page in pages} == {"Hi. I am fine.\nThanks,\nAlex"}


def test_pictures_are_those_that_were_sent(record_property: Figures) -> None:
    mails = [(raw, label) for _, raw, label in phone_mails()]
    right = sum(len(read(raw).pictures) == label["media"] for raw, label in mails)
    record_property("figures", {"right": right, "of": len(mails)})
    assert right / len(mails) >= 0.85
