"""Remember which commands Discord was given, so that they are synced only when they changed."""

from sqlalchemy.ext.asyncio import AsyncSession

from bot.db import marks


async def changed_since_sync(session: AsyncSession, scope: str, digest: str) -> bool:
    """Tell whether the commands differ from those synced last for this application and server."""
    return await marks.mark(session, f"commands:{scope}") != digest


async def note_synced(session: AsyncSession, scope: str, digest: str) -> None:
    """Remember what was synced."""
    await marks.set_mark(session, f"commands:{scope}", digest)
