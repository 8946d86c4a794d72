"""A mail goes under a sender of its own where the mail server allows it, and goes all the same where not."""

import asyncio
from datetime import UTC, datetime

import pytest

from bot.config import SmtpConfig
from bot.domain.outcome import Outcome, decide
from bot.mail.render import Letter, Mail, render
from bot.mail.smtp import Road
from bot.sandbox.smtp import Sink
from bot.sandbox.smtp_script import Step
from bot.sandbox.smtp_talk import Conversation
from tests.mail.sending import put

ACCOUNT, DOMAINS = "bot@example.org", frozenset({"vtext.com"})


def letter(number: int) -> Mail:
    address, own = f"20655501{number:02}@vtext.com", f"bot+token{number}@example.org"
    return render(
        ACCOUNT, Letter(address, "hello", f"{number:016x}", datetime(2026, 11, 22, tzinfo=UTC), own)
    )


def road_to(sink: Sink, *, pipelining: bool) -> Road:
    account = SmtpConfig(
        host="127.0.0.1",
        port=sink.port,
        security="none",
        sender=ACCOUNT,
        connections=2,
        pipelining=pipelining,
    )
    return Road(account, lambda: DOMAINS)


class Strict(Conversation):
    """A submission service that knows the account's own address alone."""

    async def answer(self, step: Step, usual: str) -> bool:
        if step is Step.MAIL and f"<{ACCOUNT}>".encode() not in self.commands[-1]:
            await self.say("553 5.7.1 sender address rejected: not owned by user")
            return False
        return await super().answer(step, usual)


class Closed(Conversation):
    """A submission service that takes nobody's mail."""

    async def answer(self, step: Step, usual: str) -> bool:
        if step is Step.MAIL:
            await self.say("550 5.7.1 account blocked")
            return False
        return await super().answer(step, usual)


@pytest.mark.parametrize("pipelining", [True, False])
async def test_each_mail_has_its_own_sender_and_says_where_answers_go(sink: Sink, pipelining: bool) -> None:
    road = road_to(sink, pipelining=pipelining)
    replies = await asyncio.gather(*(put(road, letter(number)) for number in range(20)))
    await road.close(1, 1)
    assert {decide(reply) for reply in replies} == {Outcome.SENT}
    own = [f"bot+token{number}@example.org" for number in range(20)]
    assert sorted(mail.sender for mail in sink.mails) == sorted(own)
    for mail in sink.mails:
        assert f"\r\nReply-To: <{mail.sender}>\r\n".encode() in mail.content
        assert f"From: <{ACCOUNT}>\r\n".encode() in mail.content


@pytest.mark.parametrize("pipelining", [True, False])
async def test_where_only_the_accounts_sender_may_send_mails_go_under_it(
    sink: Sink, pipelining: bool, caplog: pytest.LogCaptureFixture
) -> None:
    sink.conversation_class = Strict
    road = road_to(sink, pipelining=pipelining)
    replies = await asyncio.gather(*(put(road, letter(number)) for number in range(20)))
    await road.close(1, 1)
    assert {decide(reply) for reply in replies} == {Outcome.SENT}
    assert sorted(mail.recipient for mail in sink.mails) == sorted(letter(n).recipient for n in range(20))
    assert {mail.sender for mail in sink.mails} == {ACCOUNT}
    assert all(b"\r\nReply-To: <bot+token" in mail.content for mail in sink.mails)
    assert sum("no sender but the account's" in line for line in caplog.messages) == 1
    assert "@" not in caplog.text


async def test_a_refusal_of_every_sender_is_the_last_word(sink: Sink) -> None:
    sink.conversation_class = Closed
    road = road_to(sink, pipelining=True)
    replies = await asyncio.gather(*(put(road, letter(number)) for number in range(5)))
    await road.close(1, 1)
    assert {decide(reply) for reply in replies} == {Outcome.REFUSED_SENDER}
