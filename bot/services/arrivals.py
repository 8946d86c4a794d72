"""Act on a mail that came in, in the transaction that makes it durable."""

from datetime import datetime
from enum import StrEnum

from sqlalchemy.ext.asyncio import AsyncSession

from bot.domain.inbound import Arrived, Kind
from bot.services import bounces, replies, stops
from bot.services.phone_mail import Rules as Rules
from bot.services.phone_mail import help_phone


class Acted(StrEnum):
    """What became of a mail."""

    REPLY = "reply"
    BOUNCE = "bounce"
    STOP = "stop"
    START = "start"
    HELP = "help"
    IGNORED = "ignored"


async def act(session: AsyncSession, arrived: Arrived, now: datetime, rules: Rules) -> Acted:
    """Do what a mail asks for, as far as it may be believed; whoever is to hear of it has a notice then."""
    done, acted = False, Acted.IGNORED
    match arrived.reading.kind:
        case Kind.STOP:
            done, acted = await stops.stop(session, arrived, rules, now), Acted.STOP
        case Kind.START:
            done, acted = await stops.start(session, arrived, now), Acted.START
        case Kind.HELP:
            done, acted = await help_phone(session, arrived, rules, now), Acted.HELP
        case Kind.BOUNCE:
            done, acted = await bounces.take(session, arrived, now), Acted.BOUNCE
        case Kind.REPLY:
            done, acted = await replies.take(session, arrived, now), Acted.REPLY
    return acted if done else Acted.IGNORED
