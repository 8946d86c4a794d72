"""/privacy: what is kept of a person, as they see, take and end it in Discord."""

import json
import re
from typing import Any

from bot.domain.words import REFUSAL
from bot.sandbox.member import Person
from tests.flow.town import BOB, CAROL, Town

NOTHING = "Nothing is kept of you here. /phone register would register your phone."


async def export(town: Town, person: Person) -> dict[str, Any]:
    answer = await person.slash(town.guild, "privacy export")
    await answer.settled()
    (file,) = answer.post.attachments
    assert file["filename"] == "textbridge.json"
    read: dict[str, Any] = json.loads(town.world.discord.world.files[int(file["id"])])
    assert read["discord_id"] == str(person.id)
    end = (
        " It holds your number: keep it to yourself."
        if read["kept"].get("phones")
        else " Keep it to yourself."
    )
    assert answer.content == f"Everything that the bot keeps of you is in this file.{end}"
    return read["kept"]


async def erase(town: Town, person: Person) -> str:
    asked = await person.slash(town.guild, "privacy erase")
    await asked.settled(lambda shown: shown.buttons == ["Yes, do it"])
    assert asked.content.endswith("Erase everything?")
    await person.press(asked, "Yes, do it")
    await asked.settled(lambda shown: shown.buttons == [])
    return asked.content


async def test_a_person_sees_takes_and_ends_what_is_kept(any_town: Town) -> None:
    town = any_town
    assert await town.says(town.bob, "privacy show") == NOTHING
    await town.register(town.bob)
    await town.register(town.carol, CAROL)
    for sender, recipient, words in ((town.alice, town.bob, "one"), (town.bob, town.carol, "two")):
        answer = await town.text(sender, recipient, words)
        await answer.settled(lambda a: a.content.startswith("Handed"))
    shown = (await town.says(town.bob, "privacy show")).splitlines()
    assert shown[0] == "Kept of you here, with your phone +1***0101 at Verizon:"
    assert shown[-1] == "/privacy export gives you all of it as a file, /privacy erase deletes it."
    found = [re.sub(r"<t:\d+:D>", "T", line) for line in shown[1:-1]]
    assert {"- 1 × phones, since T", "- 1 × texts you sent, since T", "- 1 × texts to you, since T"} <= set(
        found
    )
    kept = await export(town, town.bob)
    assert [row["number"] for row in kept["phones"]] == [f"+1{BOB}"]
    assert [row["recipient_id"] for row in kept["texts you sent"]] == [str(town.carol.id)]
    assert (await erase(town, town.bob)).startswith("Erased: your number,")
    assert (await town.text(town.alice, town.bob, "gone")).content == REFUSAL
    assert await town.says(town.bob, "phone sent") == "You have sent no texts yet. Use /text in a server."
    assert "to that person: taken by the carrier" in await town.says(town.alice, "phone sent")
    left = [kind for kind, rows in (await export(town, town.bob)).items() if rows]
    assert left == [
        "lines of what you agreed to or took back",
        "counters that hold limits (usages)",
        "counters that hold limits (code_uses)",
    ]
    # And everything may begin anew.
    await town.register(town.bob)


async def test_nobody_else_erases_and_nobody_sees_another_persons_things(town: Town) -> None:
    await town.register(town.bob)
    asked = await town.bob.slash(town.guild, "privacy erase")
    await asked.settled(lambda shown: shown.buttons == ["Yes, do it"])
    asked.post.viewer_id = None
    pressed = await (await town.editor.press(asked, "Yes, do it")).settled()
    assert pressed.content == "Only whoever ran the command can press this."
    for person in (town.dave, town.admin, town.editor):
        assert await town.says(person, "privacy show") == NOTHING
        assert not any((await export(town, person)).values())
    assert (await town.text(town.alice, town.bob, "still there")).content.startswith("On its way")


async def test_it_works_in_a_dm(town: Town) -> None:
    await town.register(town.editor)
    shown = await (await town.editor.slash(None, "privacy show")).settled()
    assert "× phones" in shown.content
