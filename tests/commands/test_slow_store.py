"""Where the store makes everybody wait, a command still says within Discord's 3 s that it was heard."""

import psycopg
import pytest

from tests.db.stores import psycopg_url
from tests.flow.town import Town

pytestmark = [pytest.mark.peer, pytest.mark.parametrize("any_store_url", ["postgresql"], indirect=True)]


async def test_commands_are_heard_while_the_catalogue_cannot_be_looked_up(any_town: Town) -> None:
    town = any_town
    async with await psycopg.AsyncConnection.connect(psycopg_url(town.store_url)) as other:
        await other.execute("LOCK TABLE marks IN ACCESS EXCLUSIVE MODE")
        shown = await town.admin.slash(town.guild, "carrier show", carrier="us-verizon")
        listed = await town.admin.slash(town.guild, "carrier list", search="verizon")
        opened = await town.bob.slash(town.guild, "phone register", carrier="us-verizon")
        assert (await opened.settled()).modal.field("number")
        await other.rollback()
    assert (await shown.settled()).content.startswith("**Verizon**")
    assert "Verizon" in (await listed.settled()).content
