"""A text that comes back is told to its sender, and a button lets its phone be proved again."""

from datetime import timedelta

from bot.domain.inbound import Bounce, Kind, Picture, Trust
from bot.domain.returned import RETURNED, SENT_BACK
from bot.domain.words import REFUSAL
from bot.sandbox.answer import Answer
from bot.services.arrivals import Acted
from tests.flow.post import arrives, comes_back
from tests.flow.test_answers import answered, texted
from tests.flow.town import REGISTERED, Town


async def handed(town: Town, words: str) -> Answer:
    text = await town.text(town.alice, town.bob, words)
    return await text.settled(lambda a: a.content.startswith("Handed"))


async def test_a_bounce_edits_the_answer_and_a_second_bad_day_asks_for_a_new_proof(town: Town) -> None:
    text = await texted(town)
    assert await comes_back(town, town.bob, text) is Acted.BOUNCE
    said = f"{town.bob.mention}'s carrier returned it: number unknown there. Ask them to check /phone show."
    await text.settled(lambda a: a.content == said)
    assert (await town.bob.dm()).content == SENT_BACK
    town.clock.jump(timedelta(days=1))
    await comes_back(town, town.bob, await handed(town, "once more"))
    asked = await town.bob.dm(lambda post: post.content == RETURNED)
    assert (await town.text(town.alice, town.bob, "hello?")).content == REFUSAL
    await town.restart()
    codes = await town.bob.press(asked, "Prove it again")
    await codes.settled(lambda a: a.buttons == ["Enter code"])
    code = await town.code_on(town.phone(), 2)
    form = await town.bob.press(codes, "Enter code")
    proven = await (await town.bob.submit(form.modal, {"code": code})).settled()
    assert proven.content.startswith(REGISTERED)
    await handed(town, "there you are")


async def test_a_bounce_long_after_is_told_by_dm(town: Town) -> None:
    text = await texted(town)
    town.clock.jump(timedelta(minutes=20))
    await comes_back(town, town.bob, text, "spam", "5.7.1", bounce=Bounce.SOFT)
    told = await town.alice.dm()
    assert told.content.startswith(f"{town.bob.mention}'s carrier returned it: it took the text for spam.")
    assert town.bob.dms == []


async def test_the_buttons_of_show_help_while_a_proof_is_missing(town: Town) -> None:
    text = await texted(town)
    await comes_back(town, town.bob, text)
    town.clock.jump(timedelta(days=1))
    await comes_back(town, town.bob, await handed(town, "once more"))
    await town.bob.dm(lambda post: post.content == RETURNED)
    shown = await (await town.bob.slash(town.guild, "phone show")).settled()
    assert shown.buttons == ["Prove it again"]
    assert RETURNED in shown.content


async def test_forged_bounces_change_nothing(town: Town) -> None:
    text = await texted(town)
    for day in range(3):
        for trust in (Trust.UNPROVEN, Trust.PROVEN):
            assert await comes_back(town, town.bob, text, trust=trust) is Acted.IGNORED
        town.clock.jump(timedelta(days=day))
    await handed(town, "still there")
    assert (town.bob.dms, town.alice.dms) == ([], [])


async def test_an_answer_that_discord_took_but_did_not_confirm_is_shown_once(town: Town) -> None:
    text = await texted(town)
    gate = town.world.discord.gate
    gate.lose_answer("POST", r"/channels/\d+/messages", times=1)
    await arrives(town, Kind.REPLY, town.bob, text, "once")
    await town.alice.dm()
    await town.log.said("telling is put off")
    await town.jump(timedelta(minutes=1))
    await gate.world.watch.until(
        lambda: True if gate.count("POST", r"/channels/\d+/messages", 200) >= 1 else None, 5.0, "another try"
    )
    assert [post.content.endswith("> once") for post in town.alice.dms] == [True]


async def test_an_answer_outlives_server_errors_and_rate_limits_and_a_restart(town: Town) -> None:
    text = await texted(town)
    gate = town.world.discord.gate
    where = r"/channels/\d+/messages"
    gate.limit("POST", where, 0.01)
    gate.fail("POST", where, 500, times=None)
    await arrives(town, Kind.REPLY, town.bob, text, "at last")
    await gate.world.watch.until(
        lambda: True if gate.count("POST", where, 500) else None, 5.0, "a server error"
    )
    await town.stop()
    gate.release()
    town.clock.jump(timedelta(minutes=20))
    await town.start()
    assert (await town.alice.dm()).content.endswith("> at last")


async def test_a_picture_that_discord_refuses_costs_no_words(town: Town) -> None:
    text = await texted(town)
    town.world.discord.gate.fail("POST", r"/channels/\d+/messages", 413, code=40005)
    post = await answered(town, text, "look", pictures=(Picture("", "image/png", b"\x89PNG"),))
    assert "Not all pictures that came with it can be shown here." in post.content
    assert post.content.endswith("> look")
    assert post.attachments == []
