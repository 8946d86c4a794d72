"""The main job, end to end: register, prove the number, /text, and the phone shows it."""

import asyncio
import re
from datetime import timedelta

import pytest

from bot.domain.plain import visible
from bot.domain.words import CODE_SENT, EVICTED, REFUSAL
from bot.sandbox.smtp_script import Step, delay, drop, refuse, stall
from tests.flow.town import BOB, CAROL, REGISTERED, Town, codes

pytestmark = pytest.mark.slow

ON_ITS_WAY = "On its way to {}. This answer changes when the carrier has it."
HANDED = "Handed to {}'s carrier, which took the text. Whether the phone showed it can't be confirmed."
NO_CODE = "No code is waiting for you, or it has run out. Use /phone register to get one."
WAITING = "Still waiting"


def handed(town: Town) -> str:
    return HANDED.format(town.bob.mention)


async def test_a_person_registers_and_another_texts_her(any_town: Town) -> None:
    town = any_town
    choices = await town.bob.autocomplete(town.guild, "phone register", "carrier", "veriz")
    assert choices[0].value == "us-verizon"
    asked = await town.bob.slash(town.guild, "phone register", carrier=choices[0].value)
    assert asked.modal.title == "Register your phone"
    assert "People in this server may text it" in asked.modal.texts[0]
    sent = await (await town.bob.submit(asked.modal, {"number": BOB, "consent": ["agreed"]})).settled()
    assert sent.content == CODE_SENT
    assert sent.buttons == ["Enter code"]
    phone = town.phone()
    code = await town.code_on(phone)
    typing = await town.bob.press(sent, "Enter code")
    done = await (await town.bob.submit(typing.modal, {"code": code})).settled()
    assert done.content == f"{REGISTERED} People in this server can now text you with /text."

    answer = await town.text(town.alice, town.bob, "dinner at 7")
    await answer.settled(lambda a: a.content == handed(town))
    assert answer.history[0] == ON_ITS_WAY.format(town.bob.mention)
    assert phone.texts[1:] == [town.first("@alice in Home\ndinner at 7")]
    assert town.world.phones.strays == []
    assert codes(phone) == [code]


async def test_enter_code_can_be_pressed_and_a_text_sent_after_a_restart(any_town: Town) -> None:
    town = any_town
    sent = await town.ask_for_code(town.bob)
    code = await town.code_on(town.phone())
    await town.restart()
    typing = await town.bob.press(sent, "Enter code")
    done = await (await town.bob.submit(typing.modal, {"code": f" {code[:3]} {code[3:]} "})).settled()
    assert done.content.startswith(REGISTERED)
    await town.restart()
    answer = await town.text(town.alice, town.bob, "still there?")
    await answer.settled(lambda a: a.content == handed(town))
    assert len(codes(town.phone())) == 1


async def test_two_people_fill_the_same_form_in_at_once(town: Town) -> None:
    mine = await town.bob.slash(town.guild, "phone register", carrier="us-verizon")
    hers = await town.carol.slash(town.guild, "phone register", carrier="us-google-fi")
    answers = await asyncio.gather(
        town.bob.submit(mine.modal, {"number": BOB, "consent": ["agreed"]}),
        town.carol.submit(hers.modal, {"number": CAROL, "consent": ["agreed"]}),
    )
    for answer in answers:
        await answer.settled(lambda a: a.content == CODE_SENT)
    phones = town.phone(BOB), town.phone(CAROL, "msg.fi.google.com")
    typing = [await person.slash(town.guild, "phone verify") for person in (town.bob, town.carol)]
    found = [await town.code_on(phone) for phone in phones]
    proofs = await asyncio.gather(
        town.bob.submit(typing[0].modal, {"code": found[0]}),
        town.carol.submit(typing[1].modal, {"code": found[1]}),
    )
    for proof in proofs:
        await proof.settled(lambda a: a.content.startswith(REGISTERED))


async def test_a_form_opened_before_a_restart_says_that_it_has_run_out(town: Town) -> None:
    asked = await town.bob.slash(town.guild, "phone register", carrier="us-verizon")
    await town.restart()
    filled = {"number": BOB, "consent": ["agreed"]}
    said = await (await town.bob.submit(asked.modal, filled)).settled()
    assert said.content == "That button or form is too old. Please run the command again."


async def test_without_agreement_no_code_goes(town: Town) -> None:
    asked = await town.bob.slash(town.guild, "phone register", carrier="us-verizon")
    filled = {"number": BOB, "consent": []}
    refused = await (await town.bob.submit(asked.modal, filled, force=True)).settled()
    assert refused.content == (
        "Without your agreement no code is sent. Use /phone register again and tick the box."
    )
    assert refused.buttons == []
    assert await town.says(town.bob, "phone show") == (
        "You have no phone registered. Use /phone register to add one."
    )
    await town.register(town.carol, CAROL)
    assert [mail.recipient for mail in town.world.carriers.mails] == [f"{CAROL}@vtext.com"]


async def test_a_wrong_code_counts_down_and_the_sixth_finds_nothing(town: Town) -> None:
    await town.ask_for_code(town.bob)
    code = await town.code_on(town.phone())
    wrong = "000000" if code != "000000" else "111111"
    tries = [await town.type_code(town.bob, wrong) for _ in range(4)]
    expected = ["4 tries", "3 tries", "2 tries", "1 try"]
    assert [re.findall(r"; (\d tr\w+) left", said)[0] for said in tries] == expected
    await town.restart()
    last = "That code isn't right, and it was the last try. Use /phone register to get a new one."
    assert await town.type_code(town.bob, wrong) == last
    assert await town.type_code(town.bob, code) == NO_CODE


async def test_a_late_code_is_dead(town: Town) -> None:
    await town.ask_for_code(town.bob)
    code = await town.code_on(town.phone())
    await town.jump(timedelta(minutes=10, seconds=1))
    assert await town.type_code(town.bob, code) == NO_CODE


async def test_only_the_newest_code_counts_and_only_for_its_person(town: Town) -> None:
    await town.ask_for_code(town.bob)
    first = await town.code_on(town.phone())
    await town.ask_for_code(town.bob)
    second = await town.code_on(town.phone(), 2)
    assert await town.type_code(town.carol, second) == NO_CODE
    if first != second:
        assert (await town.type_code(town.bob, first)).startswith("That code isn't right; 4 tries left.")
    assert (await town.type_code(town.bob, second)).startswith(REGISTERED)


async def test_a_taken_number_says_the_same_and_the_later_proof_wins(any_town: Town) -> None:
    town = any_town
    phone = await town.register(town.bob)
    asked = await town.ask_for_code(town.carol)
    assert asked.content == CODE_SENT
    assert asked.buttons == ["Enter code"]
    assert (await town.text(town.alice, town.bob, "still Bob's")).content.startswith("On its way")
    assert (await town.text(town.alice, town.carol, "not Carol's yet")).content == REFUSAL
    said = await town.type_code(town.carol, await town.code_on(phone, 2))
    assert said.startswith(REGISTERED)
    assert (await town.bob.dm()).content == EVICTED
    assert (await town.text(town.alice, town.bob, "Bob's no more")).content == REFUSAL
    answer = await town.text(town.alice, town.carol, "now Carol's")
    await answer.settled(lambda a: a.content.startswith("Handed"))
    assert phone.texts[-1] == town.first("@alice in Home\nnow Carol's")


async def test_a_capped_number_is_answered_like_a_free_one(town: Town) -> None:
    for number, person in enumerate((town.bob, town.carol, town.dave), 1):
        assert (await town.ask_for_code(person)).content == CODE_SENT
        await town.code_on(town.phone(), number)
    fourth = await town.ask_for_code(town.alice)
    assert fourth.content == CODE_SENT
    assert fourth.buttons == ["Enter code"]
    await town.register(town.alice, CAROL)
    assert len(codes(town.phone())) == 3


async def test_the_senders_answer_tells_a_refusal(town: Town) -> None:
    await town.register(town.bob)
    town.world.carriers.tell(refuse(Step.RCPT, "550 5.1.1 <2065550101@vtext.com> no such number", times=1))
    answer = await town.text(town.alice, town.bob, "hello")
    await answer.settled(lambda a: a.content.startswith("Not sent."))
    assert answer.content == (
        f"Not sent. {town.bob.mention}'s carrier says it can't reach that phone. "
        "Ask them to check /phone show."
    )
    assert "2065550101" not in "".join(answer.history)
    # A refused phone keeps nobody else's text, and not the next one to the same phone.
    await (await town.text(town.alice, town.bob, "again")).settled(lambda a: a.content == handed(town))


async def test_a_long_text_goes_in_numbered_parts_in_order(any_town: Town) -> None:
    town = any_town
    phone = await town.register(town.bob)
    await town.introduce(town.alice, town.bob)
    words = " ".join(f"word{number}" for number in range(120))
    answer = await town.text(town.alice, town.bob, words)
    parts = int(re.findall(r" in (\d+) parts\.", answer.content)[0])
    await answer.settled(lambda a: f"all {parts} parts" in a.content)
    heads = [text.partition("\n")[0] for text in phone.texts[2:]]
    assert heads == [f"@alice in Home ({place}/{parts})" for place in range(1, parts + 1)]
    assert visible("".join(text.partition("\n")[2] for text in phone.texts[2:])) == visible(words)


async def test_a_partly_refused_long_text_says_how_much_went(town: Town) -> None:
    phone = await town.register(town.bob)
    await town.introduce(town.alice, town.bob)
    town.world.carriers.tell(refuse(Step.BODY, "552 5.2.0 rejecting banned content AUP#POL"))
    town.world.carriers.tell(delay(Step.BODY, 0.0, times=1))
    answer = await town.text(town.alice, town.bob, "x" * 400)
    assert answer.history[0] == (
        f"On its way to {town.bob.mention} in 3 parts. This answer changes when the carrier has it."
    )
    await answer.settled(lambda a: a.content.startswith("Only 1 of 3 parts went"))
    assert "Try again without links or emoji." in answer.content
    assert [text.partition("\n")[0] for text in phone.texts[2:]] == ["@alice in Home (1/3)"]
    assert "1 of 3 parts sent" in await town.says(town.alice, "phone sent")


async def test_a_text_that_waits_too_long_expires(town: Town) -> None:
    phone = await town.register(town.bob)
    town.world.carriers.tell(refuse(Step.RCPT, "451 4.7.1 greylisted"))
    answer = await town.text(town.alice, town.bob, "soon stale")
    await answer.settled(lambda a: a.content.startswith(WAITING))
    assert "asked to try again later" in answer.content
    await town.jump(timedelta(hours=12, minutes=1))
    told = await town.alice.dm()
    assert told.content == (
        f"Not sent: your text to {town.bob.mention} waited too long and was dropped. "
        "Send it again if it still matters."
    )
    assert len(phone.texts) == 1
    assert "too late, not sent" in await town.says(town.alice, "phone sent")


async def test_a_block_cancels_what_waits(any_town: Town) -> None:
    town = any_town
    phone = await town.register(town.bob)
    town.world.carriers.tell(stall(Step.RCPT, times=1))
    first = await town.text(town.alice, town.bob, "held up at the door")
    await town.world.carriers.stalled_client()
    second = await town.text(town.alice, town.bob, "waits behind it")
    await town.says(town.bob, "phone block", user=town.alice)
    town.world.carriers.release()
    await first.settled(lambda a: a.content.startswith(WAITING))
    await town.jump(timedelta(minutes=1))
    await first.settled(lambda a: a.content == REFUSAL)
    await second.settled(lambda a: a.content == REFUSAL)
    assert len(phone.texts) == 1


async def test_an_answer_is_edited_after_a_restart(any_town: Town) -> None:
    town = any_town
    phone = await town.register(town.bob)
    town.world.carriers.tell(refuse(Step.RCPT, "451 4.7.1 greylisted"))
    answer = await town.text(town.alice, town.bob, "hello again")
    await answer.settled(lambda a: a.content.startswith(WAITING))
    await town.stop()
    town.world.carriers.release()
    town.clock.jump(timedelta(minutes=1))
    await town.start()
    await answer.settled(lambda a: a.content == handed(town))
    assert phone.texts[1:] == [town.first("@alice in Home\nhello again")]


async def test_after_the_answer_has_run_out_only_what_matters_comes_by_dm(town: Town) -> None:
    phone = await town.register(town.bob)
    town.world.carriers.tell(refuse(Step.RCPT, "451 4.7.1 greylisted"))
    good = await town.text(town.alice, town.bob, "goes in the end")
    bad = await town.text(town.dave, town.bob, "is refused in the end")
    for answer in (good, bad):
        await answer.settled(lambda a: a.content.startswith(WAITING) or a.content.startswith("On its way"))
    await town.stop()
    town.world.carriers.release()
    town.world.carriers.tell(refuse(Step.RCPT, "550 5.1.1 no such number"))
    town.world.carriers.tell(delay(Step.RCPT, 0.0, times=1))
    town.clock.jump(timedelta(minutes=16))
    await town.start()
    told = await town.dave.dm()
    assert told.content.startswith("Not sent.")
    assert good.history == good.history[:2]
    assert "taken by the carrier" in await town.says(town.alice, "phone sent")
    assert town.alice.dms == []
    assert [post.content for post in town.dave.dms] == [told.content]
    assert len(phone.texts) == 2


async def test_with_closed_dms_the_news_waits_for_the_next_command(any_town: Town) -> None:
    town = any_town
    await town.register(town.bob)
    town.alice.account.dms_open = False
    town.world.carriers.tell(refuse(Step.RCPT, "451 4.7.1 greylisted"))
    answer = await town.text(town.alice, town.bob, "soon stale")
    await answer.settled(lambda a: a.content.startswith(WAITING))
    await town.jump(timedelta(hours=13))
    await town.exchanged("POST", r"/channels/\d+/messages", 403)
    await town.restart()
    asked = await town.alice.slash(town.guild, "help")
    await asked.settled(lambda a: len(a.followups) == 1)
    assert asked.followups[0].content.startswith("Not sent: your text to")
    assert asked.followups[0].ephemeral
    again = await town.alice.slash(town.guild, "phone sent")
    await again.settled()
    await town.says(town.alice, "help")
    assert again.followups == []


async def test_texts_wait_while_the_mail_server_is_away(town: Town) -> None:
    phone = await town.register(town.bob)
    await town.world.carriers.stop()
    answer = await town.text(town.alice, town.bob, "be patient")
    await answer.settled(lambda a: a.content.startswith("Still waiting: the bot's mail server"))
    await town.world.carriers.start()
    await town.jump(timedelta(minutes=2))
    await answer.settled(lambda a: a.content == handed(town))
    assert phone.texts[1:] == [town.first("@alice in Home\nbe patient")]


async def test_a_break_after_the_final_dot_is_told_and_logged(town: Town) -> None:
    await town.register(town.bob)
    town.world.carriers.tell(drop(Step.BODY))
    answer = await town.text(town.alice, town.bob, "perhaps")
    for times in (1, 2, 3):
        await town.log.said(": ambiguous at body no reply", times)
        await town.jump(timedelta(minutes=2))
    await answer.settled(lambda a: a.content.startswith("The connection broke after"))


async def test_a_code_is_never_sent_twice(town: Town) -> None:
    town.world.carriers.tell(drop(Step.BODY, times=1))
    await town.ask_for_code(town.bob)
    assert (await town.bob.dm()).content.startswith("Your code may not have arrived.")
    await town.jump(timedelta(minutes=5))
    await town.register(town.carol, CAROL)
    assert codes(town.phone()) == []


async def test_one_interaction_twice_is_one_text_and_one_answer(any_town: Town) -> None:
    town = any_town
    phone = await town.register(town.bob)
    town.world.discord.gateway.repeated.add("INTERACTION_CREATE")
    answer = await town.text(town.alice, town.bob, "only once")
    await answer.settled(lambda a: a.content == handed(town))
    assert (await town.says(town.alice, "phone sent")).count("\n") == 0
    town.world.discord.gateway.repeated.clear()
    await (await town.text(town.alice, town.bob, "the next")).settled(lambda a: a.content == handed(town))
    assert phone.texts[1:] == [town.first("@alice in Home\nonly once"), "@alice in Home\nthe next"]
    assert answer.followups == []


async def test_a_command_that_only_the_resume_brings_acts_once(town: Town) -> None:
    phone = await town.register(town.bob)
    town.world.discord.gateway.die("INTERACTION_CREATE", before=True)
    answer = await town.alice.slash(town.guild, "text", user=town.bob, message="replayed", wait=False)
    await town.world.discord.gateway.has_resumed(1)
    await answer.settled(lambda a: a.content == handed(town))
    assert phone.texts[1:] == [town.first("@alice in Home\nreplayed")]
