"""Query which mails came in, how far folders were read, and whose a number or a text is."""

from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import delete, func, select
from sqlalchemy.ext.asyncio import AsyncSession

from bot.db.store import vault_of
from bot.db.tables import Inbound, MailFolder, Registration, TextRow
from bot.db.upsert import insert_or_ignore, insert_or_replace
from bot.domain.mailbox import Place


@dataclass(frozen=True, slots=True)
class Taken:
    """A mail to remember; its `mail_id` never shows in a repr."""

    folder: str = field(repr=False)
    validity: int
    uid: int
    mail_id: str = field(repr=False)
    state: str
    kind: str
    trust: str
    person_id: int
    text_id: int | None


def _folder(session: AsyncSession, folder: str) -> bytes:
    return vault_of(session).blind_index("folder", folder)


def _mail(session: AsyncSession, mail_id: str) -> bytes:
    return vault_of(session).blind_index("mail", mail_id)


async def place(session: AsyncSession, folder: str) -> Place | None:
    """Tell how far a folder was read; None where it never was."""
    row = await session.get(MailFolder, _folder(session, folder))
    return Place(row.validity, row.next_uid, row.since, row.anew_below) if row else None


async def go_on_from(session: AsyncSession, folder: str, at: Place) -> None:
    """Remember how far a folder was read."""
    values = {
        "folder_index": _folder(session, folder),
        "validity": at.validity,
        "next_uid": at.next_uid,
        "since": at.since,
        "anew_below": at.anew_below,
    }
    await session.execute(insert_or_replace(session, MailFolder, values, ("folder_index",)))


async def take(session: AsyncSession, mail: Taken, at: datetime) -> bool:
    """Remember a mail; False where it came in before, by its place or by its Message-ID."""
    values = {
        "folder_index": _folder(session, mail.folder),
        "validity": mail.validity,
        "uid": mail.uid,
        "mail_index": _mail(session, mail.mail_id),
        "state": mail.state,
        "kind": mail.kind,
        "trust": mail.trust,
        "person_id": mail.person_id,
        "text_id": mail.text_id,
        "at": at,
    }
    added = insert_or_ignore(session, Inbound, [values]).returning(Inbound.id)
    return await session.scalar(added) is not None


async def taken_before(session: AsyncSession, mail_ids: Collection[str]) -> dict[str, str]:
    """Tell what became of those of these mails that came in before."""
    wanted = {_mail(session, mail_id): mail_id for mail_id in mail_ids}
    columns = (Inbound.mail_index, Inbound.state)
    found = await session.execute(select(*columns).where(Inbound.mail_index.in_(wanted)))
    return {wanted[index]: state for index, state in found}


async def count_since(session: AsyncSession, person_id: int, trust: str, since: datetime) -> int:
    """Count the mails of one trust that came in from a person's phone since then."""
    where = (Inbound.person_id == person_id, Inbound.at > since, Inbound.trust == trust)
    return await session.scalar(select(func.count()).select_from(Inbound).where(*where)) or 0


async def people_at(session: AsyncSession, numbers: Collection[str]) -> list[tuple[int, str]]:
    """List (person, carrier's domain) of those who registered one of these numbers."""
    indexes = [vault_of(session).number_index(number) for number in numbers]
    columns = (Registration.person_id, Registration.domain)
    found = await session.execute(select(*columns).where(Registration.number_index.in_(indexes)))
    return [(person_id, domain) for person_id, domain in found]


async def latest_text_to(session: AsyncSession, person_id: int) -> int | None:
    """Find the last text of which anything went to a person's phone."""
    statement = select(TextRow.id).where(TextRow.recipient_id == person_id, TextRow.parts_sent > 0)
    return await session.scalar(statement.order_by(TextRow.created_at.desc(), TextRow.id.desc()).limit(1))


async def forget_old(session: AsyncSession, before: datetime, most: int) -> None:
    """Forget mails that came in long ago."""
    old = select(Inbound.id).where(Inbound.at < before).limit(most)
    await session.execute(delete(Inbound).where(Inbound.id.in_(old)))
