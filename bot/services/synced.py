"""Remember which commands Discord was given, so that they are synced only when they changed."""

from sqlalchemy.ext.asyncio import AsyncSession

from bot.db import marks

_EVERYWHERE = "global"


async def changed_since_sync(
    session: AsyncSession, application_id: int, guild_id: int | None, digest: str
) -> bool:
    """Tell whether the commands differ from those synced last for this application and guild (None: all)."""
    return await marks.mark(session, _name(application_id, guild_id)) != digest


async def note_synced(session: AsyncSession, application_id: int, guild_id: int | None, digest: str) -> None:
    """Remember what was synced."""
    await marks.set_mark(session, _name(application_id, guild_id), digest)


async def synced_elsewhere(
    session: AsyncSession, application_id: int, guild_id: int | None
) -> list[int | None]:
    """List where else this application's commands were given."""
    names = await marks.names(session, f"commands:{application_id}:")
    places = [name.rpartition(":")[2] for name in names if name != _name(application_id, guild_id)]
    return [None if place == _EVERYWHERE else int(place) for place in places]


async def forget_synced(session: AsyncSession, application_id: int, guild_id: int | None) -> None:
    """Forget what was synced there."""
    await marks.drop_mark(session, _name(application_id, guild_id))


def _name(application_id: int, guild_id: int | None) -> str:
    return f"commands:{application_id}:{_EVERYWHERE if guild_id is None else guild_id}"
