"""/carrier import and export: a file is shown before it is done, by whoever may, all of it or nothing."""

import pytest

from bot.commands.carrier_files import MOST_WAITING
from bot.domain.carrier_csv import MOST_BYTES, read_sheet, write_sheet
from bot.domain.words import CARRIER_CHANGED, REFUSAL
from bot.sandbox.answer import Answer
from bot.sandbox.member import Person
from bot.sandbox.options import Upload
from tests.flow.town import Town

Row = dict[str, str]


async def give(town: Town, person: Person, content: bytes) -> Answer:
    upload = Upload("carriers.csv", content, "text/csv")
    answer = await person.slash(town.guild, "carrier import", force=True, file=upload)
    await answer.settled()
    return answer


async def take(town: Town, person: Person) -> tuple[str, list[Row]]:
    answer = await person.slash(town.guild, "carrier export", force=True)
    await answer.settled()
    (file,) = answer.post.attachments
    content = town.world.discord.world.files[int(file["id"])]
    assert file["filename"] == "carriers.csv"
    return answer.content, [dict(row.cells) for row in read_sheet(content).rows]


async def test_an_editor_exports_changes_and_imports(any_town: Town) -> None:
    town = any_town
    await town.register(town.bob)
    said, rows = await take(town, town.editor)
    assert said == f"{len(rows)} shared carriers. Change the file and give it to /carrier import."
    same = await give(town, town.editor, write_sheet(rows))
    assert same.content.endswith("0 that are not in it stay. There is nothing to import.")
    assert same.buttons == []
    for row in rows:
        if row["slug"] == "us-verizon":
            row |= {"name": "=Big Red", "domain": "new.example.org", "status": "active"}
    asked = await give(town, town.editor, write_sheet(rows))
    lines = asked.content.splitlines()
    assert lines[0].startswith("The file adds 0 carriers, changes 1 and removes 0; ")
    assert lines[1] == "New domains (1), to which texts may then go to any number: new.example.org."
    assert lines[-2].startswith(
        "Changed: us-verizon (name Verizon → =Big Red, domain vtext.com → new.example.org"
    )
    assert lines[-1] == "Import it?"
    assert (await town.text(town.alice, town.bob, "not yet")).content.startswith("On its way")
    await town.editor.press(asked, "Yes, do it")
    await asked.settled(lambda a: a.content.startswith("Imported"))
    assert asked.content == (
        "Imported 1 carrier. 1 person must prove their phone again, and will be told. "
        "/carrier list shows them."
    )
    assert (await town.bob.dm()).content == CARRIER_CHANGED
    assert (await town.text(town.alice, town.bob, "gone")).content == REFUSAL
    assert {row["slug"]: row for row in (await take(town, town.editor))[1]} == {
        row["slug"]: row for row in rows
    }


async def test_an_admin_has_their_own_servers_carriers_alone(town: Town) -> None:
    shared = await give(town, town.admin, write_sheet([{"slug": "us-verizon", "name": "Mine"}]))
    assert shared.content.splitlines()[1] == (
        "line 2: slug: a server's own carriers begin with own-, those for everyone do not"
    )
    row = {"slug": "own-us-ours", "name": "Ours", "country": "US", "domain": "vtext.com", "form": "national"}
    asked = await give(town, town.admin, write_sheet([row]))
    await town.admin.press(asked, "Yes, do it")
    await asked.settled(lambda a: a.content == "Imported 1 carrier. /carrier list shows them.")
    said, rows = await take(town, town.admin)
    assert said == "1 carriers of this server's own. Change the file and give it to /carrier import."
    assert rows == [{**row, "status": "unknown", "switch": "on"}]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"x" * (MOST_BYTES + 1), "The file is larger than 1 MiB. Split it, and import each part."),
        (b"\0", "Line 1 holds a zero byte, so this is no CSV file. Start from what /carrier export writes."),
        (b"slug,token\nus-x,y\n", "Line 1 names columns that no list has: 'token'. There are slug, name,"),
        (
            b"slug,name,domain\nus-a,A,{number}@evil.test\nus-b,,localhost\n",
            "Nothing was imported. Mend these lines and import the file again:\nline 2: domain: Type only",
        ),
    ],
    ids=["huge", "NUL", "unknown column", "hostile rows"],
)
async def test_what_cannot_be_imported_gets_a_plain_answer(town: Town, content: bytes, said: str) -> None:
    answer = await give(town, town.editor, content)
    assert answer.content.startswith(said)
    assert answer.buttons == []


async def test_files_that_wait_for_their_button_are_few(store_url: str) -> None:
    town = Town(store_url)
    editors = [town.world.discord.person(f"editor{place}") for place in range(MOST_WAITING + 1)]
    for editor in editors:
        town.world.discord.join(town.guild, editor)
    town.changes["carrier_editors"] = frozenset(editor.id for editor in editors)
    async with town:
        asked = [
            await give(town, editor, write_sheet([{"slug": "us-verizon", "name": f"V {editor.username}"}]))
            for editor in (*editors, editors[-1])
        ]
        for place, said in (
            (0, "That file is not there any more."),
            (-2, "That file is not"),
            (-1, "Imported 1"),
        ):
            await editors[max(place, -1)].press(asked[place], "Yes, do it")
            await asked[place].settled(lambda a, said=said: a.content.startswith(said))


async def test_a_long_difference_shows_the_new_domains_all_the_same(town: Town) -> None:
    label = "x" * 60
    rows = [
        {"slug": f"us-{place}", "name": "N" * 60, "domain": f"d{place}.{label}.{label}.{label}.example.org"}
        for place in range(40)
    ]
    asked = await give(town, town.editor, write_sheet(rows))
    assert len(asked.content) <= 2000
    assert "\nNew domains (40), to which texts may then go to any number: d0.x" in asked.content
    assert ", and 35 more." in asked.content
    assert asked.buttons == ["Yes, do it"]


async def test_what_changed_since_is_not_overrun(town: Town) -> None:
    asked = await give(town, town.editor, write_sheet([{"slug": "us-verizon", "name": "From the file"}]))
    await town.says(town.editor, "carrier edit", carrier="us-verizon", name="By hand")
    await town.editor.press(asked, "Yes, do it")
    await asked.settled(lambda a: a.content.startswith("The carriers have changed since"))
    assert (await town.says(town.editor, "carrier show", carrier="us-verizon")).startswith("**By hand**")
