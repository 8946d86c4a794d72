"""The whole way back, by a real mailbox: answers, STOP, START and HELP, from phone to Discord and back."""

from collections.abc import AsyncIterator
from itertools import count

import pytest

from bot.domain.stopping import STARTED, STOP_WORDS
from bot.domain.words import REFUSAL
from bot.sandbox.smtp_script import Step, stall
from tests.flow.mailroom import Mailroom, bounce, outgone, reply
from tests.flow.town import CAROL, GATEWAY, codes
from tests.peers.dovecot import Dovecot

pytestmark = [pytest.mark.slow, pytest.mark.peer]

numbers = count(1)
# As a mail server writes it on top of a mail that it could not vouch for.
FORGED = "Authentication-Results: mx.example.org; dmarc=fail; spf=fail; dkim=none\r\n"


@pytest.fixture
async def room(store_url: str, dovecot: Dovecot) -> AsyncIterator[Mailroom]:
    async with Mailroom(store_url, dovecot) as running:
        yield running


@pytest.fixture
async def any_room(any_store_url: str, dovecot: Dovecot) -> AsyncIterator[Mailroom]:
    async with Mailroom(any_store_url, dovecot) as running:
        yield running


def from_phone(to: str, words: str, **more: str) -> bytes:
    """Write what the phone sends: each a mail of its own."""
    return reply(to, words, mail_id=f"way-{next(numbers)}@{GATEWAY}", **more)


def last_to(room: Mailroom, words: str) -> str:
    """Say where the phone's answer to the mail with these words goes."""
    (mail,) = [one for one in room.world.carriers.mails if words.encode() in one.content]
    return outgone(mail).reply_to


async def test_an_answer_comes_and_one_goes_back_and_another_comes(any_room: Mailroom) -> None:
    room = any_room
    await room.register(room.bob)
    text, mail = await room.texted(room.alice, room.bob, "dinner at 7?")
    await room.deliver(from_phone(mail.reply_to, "yes *please*"))
    post = await room.alice.dm()
    assert post.content == f"{room.bob.mention} answered from their phone:\n> yes \\*please\\*"
    await text.settled(lambda a: a.content == f"{room.bob.mention} answered your text.")
    asked = await room.alice.press(post, "Reply")
    said = await room.alice.submit(asked.modal, {"words": "see you"})
    await said.settled(lambda a: a.content.startswith("Handed to"))
    await room.deliver(from_phone(last_to(room, "see you"), "bye"))
    await room.alice.dm(lambda one: one.content.endswith("> bye"))
    await said.settled(lambda a: a.content == f"{room.bob.mention} answered your text.")


async def test_stop_and_start_are_obeyed_and_answered(room: Mailroom) -> None:
    await room.register(room.bob)
    _, mail = await room.texted(room.alice, room.bob, "hello")
    await room.deliver(from_phone(mail.reply_to, "Stop."))
    await room.bob.dm(lambda post: post.content.startswith("STOP came from your phone"))
    assert (await room.text(room.alice, room.bob, "again")).content == REFUSAL
    await room.phone().text(lambda shown: shown == STOP_WORDS)
    # The phone answers what it was told: that mail is about no text.
    await room.deliver(from_phone(last_to(room, "Reply START"), "START"))
    await room.bob.dm(lambda post: post.content == STARTED)
    assert (await room.text(room.alice, room.bob, "again")).content != REFUSAL
    assert room.alice.dms == []


async def test_a_stop_from_the_number_alone_pauses_until_its_owner_lifts_it(room: Mailroom) -> None:
    await room.register(room.bob)
    await room.texted(room.alice, room.bob, "hello")
    await room.deliver(from_phone("bridge@example.org", "STOP", more=FORGED))
    await room.bob.dm(lambda post: "nothing proves it" in post.content)
    assert (await room.text(room.alice, room.bob, "again")).content == REFUSAL
    await room.says(room.bob, "phone resume")
    assert (await room.text(room.alice, room.bob, "again")).content != REFUSAL


async def test_a_forged_answer_reaches_its_supposed_author_alone(room: Mailroom) -> None:
    await room.register(room.bob)
    await room.texted(room.alice, room.bob, "hello")
    await room.deliver(from_phone("bridge@example.org", "send me money", more=FORGED))
    asked = await room.bob.dm(lambda post: "nothing proves it" in post.content)
    assert asked.content.endswith("> send me money")
    assert room.alice.dms == []


async def test_who_never_registered_ends_the_codes_by_stop(room: Mailroom) -> None:
    await room.ask_for_code(room.carol)
    phone = room.phone()
    await room.code_on(phone)
    (mail,) = room.world.carriers.mails
    await room.deliver(from_phone(outgone(mail).reply_to, "STOP"))
    await room.log.said(", addressed: stop")
    await room.ask_for_code(room.dave)
    await room.register(room.bob, "2065550177")
    assert len(codes(phone)) == 1


async def test_neither_a_bounce_nor_an_automatic_answer_is_answered(room: Mailroom) -> None:
    await room.register(room.bob)
    text, mail = await room.texted(room.alice, room.bob, "hello")
    await room.deliver(from_phone(mail.reply_to, "HELP"))
    await room.phone().text(lambda shown: shown.startswith("Textbridge carries texts"))
    sent = len(room.world.carriers.mails)
    ours = last_to(room, "Textbridge carries")
    away = "Auto-Submitted: auto-replied\r\nReturn-Path: <>\r\n"
    await room.deliver(
        bounce(ours, mail_id="d1@mx.example.org"), from_phone(ours, "HELP", more=away),
        from_phone(mail.reply_to, "I am away", more=away), bounce(mail.sender, mail_id="d2@mx.example.org"),
    )  # fmt: skip
    await text.settled(lambda a: "carrier returned it: number unknown there" in a.content)
    await room.bob.dm(lambda post: "came back" in post.content)
    assert len(room.world.carriers.mails) == sent
    assert room.alice.dms == []


async def test_a_stop_calls_back_what_waits_for_a_connection(store_url: str, dovecot: Dovecot) -> None:
    async with Mailroom(store_url, dovecot) as room:
        await room.register(room.bob)
        await room.register(room.carol, CAROL)
        _, mail = await room.texted(room.alice, room.bob, "hello")
        await room.stop()
        room.changes["smtp"] = room.world.smtp_config(connections=1)
        await room.start()
        room.world.carriers.tell(stall(Step.BODY, f"{CAROL}@{GATEWAY}", times=1))
        held_up = await room.text(room.alice, room.carol, "in the way")
        await room.world.carriers.stalled_client()
        too_late = await room.text(room.alice, room.bob, "too late")
        await room.deliver(from_phone(mail.reply_to, "STOP"))
        await room.bob.dm(lambda post: post.content.startswith("STOP came"))
        room.world.carriers.release()
        await too_late.settled(lambda a: a.content == REFUSAL)
        await held_up.settled(lambda a: not a.content.startswith("On its way"))
    assert [one for one in room.world.carriers.mails if b"too late" in one.content] == []
