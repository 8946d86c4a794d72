"""Wait for what becomes of a mail on the road."""

import asyncio

from bot.domain.outcome import Reply
from bot.mail.render import Mail
from bot.mail.smtp import Road


def put(road: Road, mail: Mail, *, urgent: bool = False) -> "asyncio.Future[Reply]":
    """Put a mail on its gateway's lane; a second word on it is an error of the loop's."""
    done: asyncio.Future[Reply] = asyncio.get_running_loop().create_future()
    road.put(mail, mail.recipient.rpartition("@")[2], done.set_result, urgent=urgent)
    return done


async def send(road: Road, mail: Mail) -> Reply:
    """Put a mail on its gateway's lane and return the last word on it."""
    return await put(road, mail)
