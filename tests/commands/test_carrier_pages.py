"""/carrier list turns its pages by buttons that outlive a restart, and tells what was measured."""

import pytest

from bot.domain.signs import Sign
from bot.sandbox.answer import Answer
from bot.sandbox.member import Person
from bot.services.signs import note
from tests.flow.town import Town


async def listed(town: Town, person: Person, /, **options: str) -> Answer:
    answer = await person.slash(town.guild, "carrier list", force=True, **options)
    return await answer.settled()


async def test_pages_turn_on_and_back_also_after_a_restart(town: Town) -> None:
    shown = await listed(town, town.admin, country="US", search="a")
    first = shown.content
    assert "\nPage 1 of " in first
    assert shown.buttons == ["Next"]
    await town.admin.press(shown, "Next")
    await shown.settled(lambda a: "\nPage 2 of " in a.content)
    assert shown.buttons == ["Back", "Next"]
    assert not set(shown.content.splitlines()) & set(first.splitlines())
    assert all(line.startswith("US ") for line in shown.content.splitlines()[:-1])
    await town.restart()
    await town.admin.press(shown, "Back")
    await shown.settled(lambda a: a.content == first)


@pytest.mark.parametrize("typed", [" us", "uS ", "  "])
async def test_a_country_is_read_as_it_is_meant_by_the_buttons_too(town: Town, typed: str) -> None:
    shown = await listed(town, town.admin, country=typed)
    assert "\nPage 1 of " in shown.content
    await town.admin.press(shown, "Next")
    await shown.settled(lambda a: "\nPage 2 of " in a.content)


async def test_every_entry_is_on_one_page(town: Town) -> None:
    shown = await listed(town, town.admin, country="CA")
    pages, last = [shown.content], int(shown.content.rpartition(" of ")[2].split(".")[0])
    for number in range(2, last + 1):
        await town.admin.press(shown, "Next")
        await shown.settled(lambda a, number=number: f"\nPage {number} of {last}" in a.content)
        pages.append(shown.content)
    lines = [line for page in pages for line in page.splitlines()[:-1]]
    assert len(lines) == len(set(lines)) > 10 * (last - 1)


async def test_whoever_lost_the_right_turns_no_page(town: Town) -> None:
    shown = await listed(town, town.admin)
    town.guild.members[town.admin.id].role_ids.clear()
    await town.admin.press(shown, "Next")
    await shown.settled(lambda a: a.content.startswith("Only members with Manage Server"))
    assert shown.buttons == []


async def test_a_short_list_has_no_buttons_and_a_long_search_is_refused(town: Town) -> None:
    shown = await listed(town, town.admin, search="verizon")
    assert shown.buttons == []
    assert (await listed(town, town.admin, search="x" * 61)).content == "Search for at most 60 characters."
    for odd in ("a:b:c", "%", "😀" * 30, "(?s).*"):
        assert (await listed(town, town.admin, search=odd)).content.startswith("No carrier fits that")


async def test_what_was_measured_stands_beside_what_is_said(town: Town) -> None:
    phone = await town.register(town.bob)
    assert phone.texts
    exact = await town.says(town.editor, "carrier show", carrier="us-verizon")
    assert "\nMeasured: 100 % of codes came back in 30 days, last <t:" in exact
    few = await town.says(town.admin, "carrier show", carrier="us-verizon")
    assert "\nMeasured: too few codes in 30 days to say.\n" in few
    assert "codes came back" not in (await listed(town, town.admin, search="verizon")).content
    async with town.store() as store, store.write() as session:
        await note(session, {"vtext.com": {Sign.CODE_SENT: 9, Sign.REFUSED_CONTENT: 2}}, town.clock())
    many = (await listed(town, town.admin, search="us-verizon")).content
    assert ", closes 2027-03-31 · 10 % of codes came back in 30 days, last <t:" in many
    shown = await town.says(town.admin, "carrier show", carrier="us-verizon")
    assert "\nIn 30 days refused for what it said: 2.\n" in shown
