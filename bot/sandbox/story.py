"""Tell the story: carriers edited, a phone proved, texts that arrive and an answer, also after a restart."""

import re
from collections.abc import Callable, Coroutine
from typing import Any

from bot.domain.render import footer
from bot.domain.states import State
from bot.domain.words import CODE_SENT, on_its_way, standing
from bot.sandbox.answer import Answer, buttons
from bot.sandbox.member import Person
from bot.sandbox.stage import CARRIER, Stage
from bot.sandbox.waiting import first_of
from bot.sandbox.watch import SandboxError

WAIT_S = 8.0
CONFIRM, ENTER_CODE, REPLY = "Yes, do it", "Enter code", "Reply"
HOW_TO_STOP = footer("", has_inbox=True).whole
_CODE = re.compile(r"([0-9]{6}) is your Textbridge code for @(\S+)\. ")

Act = Callable[[Stage], Coroutine[Any, Any, None]]


class Amiss(Exception):
    """Something in the story is not as it should be; says what in a few words."""


def steps(stage: Stage) -> list[tuple[str, Act]]:
    """List the story's steps: title and act."""
    cast = stage.cast
    her = f"@{cast.owner_of_phone}"
    return [
        ("The bot starts and logs in", _start),
        (f"@{cast.admin} enables T-Mobile after reading the evidence against it", _enable),
        (f"@{cast.admin} adds a carrier that the list lacks", _add),
        (f"{her} registers her phone", _register),
        (f"{her} types the code that her phone shows", _prove),
        (f"@{cast.sender} texts {her}", _first_text),
        (f"{her} answers on her phone", _answer_from_phone),
        ("The bot is stopped and started again", _restart),
        ("The edits of the carrier list still hold", _still_edited),
        (f"@{cast.sender} answers her by the button under what she wrote", _answer_back),
    ]


async def _start(stage: Stage) -> None:
    await stage.start_bot()
    stage.show.answers(f'is online in "{stage.cast.server}" and offers its commands.')


async def _enable(stage: Stage) -> None:
    entry = await _pick(stage, stage.admin, "carrier enable", "t-mobile", CARRIER)
    asked = await _shown(await stage.admin.slash(stage.guild, "carrier enable", carrier=entry))
    stage.show.does(stage.cast.admin, "/carrier enable carrier:T-Mobile")
    stage.show.answers(asked.content, asked.buttons)
    _require("Evidence:" in asked.content, f"no evidence is shown; the answer reads: {asked.content}")
    await _confirm(stage, asked, "is on")


async def _add(stage: Stage) -> None:
    cast = stage.cast
    asked = await _shown(
        await stage.admin.slash(
            stage.guild, "carrier add", name=cast.carrier_name, domain=cast.carrier_domain
        )
    )
    stage.show.does(cast.admin, f"/carrier add name:{cast.carrier_name} domain:{cast.carrier_domain}")
    stage.show.answers(asked.content, asked.buttons)
    await _confirm(stage, asked, f"Added {cast.carrier_name}")


async def _register(stage: Stage) -> None:
    her, cast = stage.owner_of_phone, stage.cast
    entry = await _pick(stage, her, "phone register", "t-mo", CARRIER)
    opened = await _shown(await her.slash(stage.guild, "phone register", carrier=entry))
    stage.show.does(cast.owner_of_phone, "/phone register carrier:T-Mobile")
    _require(opened.has_modal, f"no form opened; the answer reads: {opened.content}")
    form = opened.modal
    consent = form.field("consent")
    filled = {"number": cast.typed_number, "consent": consent.values}
    rows = {form.field("number").label: cast.typed_number, consent.label: "[x] I agree"}
    stage.show.form(form.title, rows)
    answer = await _shown(await her.submit(form, filled))
    stage.show.answers(answer.content, answer.buttons)
    _require(answer.content == CODE_SENT, f"the answer reads: {answer.content}")
    stage.registered = answer


async def _prove(stage: Stage) -> None:
    her, phone = stage.owner_of_phone, stage.phone
    await first_of(phone.text(timeout_s=WAIT_S), her.dm(timeout_s=WAIT_S))
    _require(phone.texts, f"her phone shows nothing; the bot wrote: {her.dms[-1].content if her.dms else ''}")
    stage.show.phone(stage.phone_name, phone.texts[0])
    found = _CODE.match(phone.texts[0])
    _require(found and found[2] == her.username, f"her phone shows no code but: {phone.texts[0]}")
    code = found[1] if found else ""
    opened = await _shown(await her.press(_known(stage.registered, "nobody has registered"), ENTER_CODE))
    stage.show.does(her.username, f"presses [ {ENTER_CODE} ]")
    stage.show.form(opened.modal.title, {opened.modal.field("code").label: code})
    answer = await _shown(await her.submit(opened.modal, {"code": code}))
    stage.show.answers(answer.content)
    shown = await _shown(await her.slash(stage.guild, "phone show"))
    stage.show.does(her.username, "/phone show")
    stage.show.answers(shown.content)
    _require("T-Mobile" in shown.content and "may text you" in shown.content, f"it reads: {shown.content}")


async def _first_text(stage: Stage) -> None:
    her, cast = stage.owner_of_phone, stage.cast
    answer = await _shown(await stage.sender.slash(stage.guild, "text", user=her, message=cast.text))
    stage.show.does(cast.sender, f"/text user:@{cast.owner_of_phone} message:{cast.text}")
    await _arrives(stage, answer, f"{cast.text}\n{HOW_TO_STOP}")
    stage.texted = answer


async def _answer_from_phone(stage: Stage) -> None:
    her, sender, cast = stage.owner_of_phone, stage.sender, stage.cast
    stage.phone.answer(cast.answer)
    stage.show.does(her.username, f"types on her phone: {cast.answer}")
    post = await sender.dm(timeout_s=WAIT_S)
    labels = [str(button["label"]) for button in buttons(post)]
    stage.show.does(cast.sender, "gets a DM:")
    stage.show.answers(post.content, labels)
    wanted = f"{her.mention} answered from their phone:\n> {cast.answer}"
    _require(post.content == wanted and labels == [REPLY, "Stop"], f"the DM reads: {post.content} {labels}")
    texted = _known(stage.texted, "nobody has texted")
    answered = standing(her.mention, State.REPLIED, "", 1, 1)
    await texted.settled(lambda one: one.content == answered, WAIT_S)
    stage.show.does(cast.sender, "sees the answer to /text change:")
    stage.show.answers(texted.content)


async def _answer_back(stage: Stage) -> None:
    sender, cast = stage.sender, stage.cast
    opened = await _shown(await sender.press(sender.dms[0], REPLY))
    stage.show.does(cast.sender, f"presses [ {REPLY} ]")
    form = opened.modal
    stage.show.form(form.title, {form.field("words").label: cast.answer_back})
    await _arrives(
        stage, await _shown(await sender.submit(form, {"words": cast.answer_back})), cast.answer_back
    )
    stage.sandbox.discord.assert_clean()


async def _arrives(stage: Stage, answer: Answer, words: str) -> None:
    """See a text of the sender's through: it is on its way, her phone shows it, and the answer says so."""
    her, phone, cast = stage.owner_of_phone, stage.phone, stage.cast
    before = len(phone.texts)
    stage.show.answers(answer.history[0])
    handed = standing(her.mention, State.ACCEPTED, "", 1, 1)
    _require(answer.history[0] == on_its_way(her.mention, 1), f"the answer reads: {answer.history[0]}")
    await first_of(
        phone.text(lambda _: len(phone.texts) > before, WAIT_S),
        answer.settled(lambda one: one.content not in (handed, one.history[0]), WAIT_S),
    )
    _require(len(phone.texts) > before, f"her phone shows nothing; the answer reads: {answer.content}")
    stage.show.phone(stage.phone_name, phone.texts[-1])
    said = phone.texts[before:]
    _require(said == [f"@{cast.sender} in {cast.server}\n{words}"], f"her phone shows: {said}")
    await answer.settled(lambda one: len(one.history) > 1, WAIT_S)
    stage.show.does(cast.sender, "sees the answer change:")
    stage.show.answers(answer.content)
    _require(answer.content == handed, f"the answer reads: {answer.content}")


async def _restart(stage: Stage) -> None:
    await stage.stop_bot()
    stage.show.answers("has left; what it knows is in its store, encrypted where it is private.")
    await stage.start_bot()
    stage.show.answers("is online again.")


async def _still_edited(stage: Stage) -> None:
    cast = stage.cast
    added = await _pick(stage, stage.admin, "carrier show", cast.carrier_name, "")
    for entry, name, proof in (
        (CARRIER, "T-Mobile", ", enabled"),
        (added, cast.carrier_name, cast.carrier_domain),
    ):
        shown = await _shown(await stage.admin.slash(stage.guild, "carrier show", carrier=entry))
        stage.show.does(cast.admin, f"/carrier show carrier:{name}")
        stage.show.answers("\n".join(shown.content.splitlines()[:2]))
        _require(
            name in shown.content and proof in shown.content, f"{name} has lost it; it reads: {shown.content}"
        )


async def _pick(stage: Stage, person: Person, command: str, typed: str, wanted: str) -> str:
    """Take an entry from what is offered while a person types: this one, or without one the first."""
    choices = await person.autocomplete(stage.guild, command, "carrier", typed)
    values = [str(choice.value) for choice in choices]
    _require(wanted in values if wanted else values, f"/{command} does not offer {typed!r}")
    return wanted or values[0]


async def _confirm(stage: Stage, asked: Answer, proof: str) -> None:
    question = asked.content
    _require(CONFIRM in asked.buttons, f"nothing is asked; the answer reads: {question}")
    pressed = await stage.admin.press(asked, CONFIRM)
    stage.show.does(stage.cast.admin, f"presses [ {CONFIRM} ]")
    await pressed.settled(lambda one: one.content != question, WAIT_S)
    stage.show.answers(pressed.content)
    _require(proof in pressed.content, f"the answer reads: {pressed.content}")


async def _shown(answer: Answer) -> Answer:
    return await answer.settled(timeout_s=WAIT_S)


def _known(answer: Answer | None, otherwise: str) -> Answer:
    if answer is None:
        raise SandboxError(otherwise)
    return answer


def _require(holds: object, otherwise: str) -> None:
    if not holds:
        raise Amiss(otherwise)
