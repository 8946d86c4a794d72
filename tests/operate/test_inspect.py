"""`inspect` shows how mails, texts and answers are read, without any settings."""

import json
from pathlib import Path

import pytest

from bot import exits
from bot.operate import cli
from bot.operate.inspect import inspect

KEYS = [
    "file",
    "kind",
    "text",
    "number",
    "bounce",
    "status",
    "reason",
    "recipients",
    "message_id",
    "pictures",
]


def run(*words: str) -> int:
    return inspect(cli.parse(["inspect", *words]))


def test_each_mail_is_one_line_of_json_and_a_missing_one_a_sentence(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    reply, bounce = tmp_path / "reply.eml", tmp_path / "böunce.eml"
    reply.write_bytes("From: 2065550100@vtext.com\nIn-Reply-To: <a@b.example>\n\ngrüße".encode())
    bounce.write_bytes(
        b"From: MAILER-DAEMON <>\nSubject: failure notice\n\n<c@d.example>:\n550 5.1.1 user unknown"
    )
    assert run("mail", str(reply), str(tmp_path / "missing.eml"), str(tmp_path), str(bounce)) == exits.USAGE
    printed = capsys.readouterr()
    first, second = map(json.loads, printed.out.splitlines())
    assert list(first) == list(second) == KEYS
    assert first == dict(
        zip(
            KEYS,
            [str(reply), "reply", "grüße", "12065550100", "none", "", "", [], "a@b.example", 0],
            strict=True,
        )
    )
    assert second == dict(
        zip(
            KEYS,
            [str(bounce), "bounce", "", "", "hard", "5.1.1", "unknown", ["c@d.example"], "", 0],
            strict=True,
        )
    )
    complaints = printed.err.splitlines()
    assert [line.endswith("check the name.") for line in complaints] == [True, True]
    assert "missing.eml" in complaints[0]


def test_mails_that_can_be_read_leave_with_zero(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"")
    assert run("mail", str(tmp_path / "a")) == exits.OK


def test_a_text_is_shown_as_the_phone_shows_it(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("text", "**dinner** at 7") == exits.OK
    assert run("text", "✓" * 100) == exits.OK
    one, two = map(json.loads, capsys.readouterr().out.splitlines())
    assert one == {"segments": 1, "encoding": "GSM-7", "shows": ["@sender in Server\ndinner at 7"]}
    assert (two["segments"], two["encoding"], len(two["shows"])) == (3, "UCS-2", 3)


@pytest.mark.parametrize(
    ("answer", "outcome"),
    [
        ("250 2.0.0 ok", "sent"),
        ("552 5.2.0 refused AUP#POL", "refused_content"),
        ("421 4.2.0 AUP#SNDR", "refused_sender"),
        ("550 5.1.1 user unknown", "refused_person"),
        ("550-5.4.5 Daily user sending quota exceeded", "account_limit"),
        ("451 try again", "retry"),
        ("550", "refused_person"),
    ],
)
def test_an_answer_is_shown_as_the_relay_takes_it(
    answer: str, outcome: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("answer", answer) == exits.OK
    shown = json.loads(capsys.readouterr().out)
    assert (shown["code"], shown["outcome"]) == (int(answer[:3]), outcome)
    assert list(shown["steps"]) == ["mail", "rcpt", "body"]


@pytest.mark.parametrize("words", [("text", " "), ("answer", "ok"), ("answer", "1000"), ("answer", "")])
def test_what_cannot_be_shown_is_a_sentence(
    words: tuple[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(*words) == exits.USAGE
    printed = capsys.readouterr()
    assert (printed.out, len(printed.err.splitlines())) == ("", 1)


@pytest.mark.parametrize("words", [(), ("mail",), ("answer",), ("letter", "x")])
def test_wrong_usage_leaves_with_64(words: tuple[str, ...], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as left:
        run(*words)
    assert left.value.code == exits.USAGE
    assert len(capsys.readouterr().err.splitlines()) == 1
