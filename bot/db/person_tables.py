"""List every column that names a person: what its rows are called, who is given them, and how they end.

A new table with such a column gets a line here; tests/db/test_person_tables.py fails until it has one.
"""

from enum import StrEnum
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, and_, select, text
from sqlalchemy.orm import InstrumentedAttribute

from bot.db.base import Base
from bot.db.tables import (
    AnswerChannel,
    Audit,
    Block,
    CarrierEntry,
    CarrierTest,
    Consent,
    DomainRequest,
    GatewayDomain,
    GuildBlock,
    Inbound,
    Introduction,
    ListedSender,
    Notice,
    OptIn,
    OutboxItem,
    Registration,
    Reply,
    ReplyChoice,
    ReplyMute,
    TextRow,
    UrgentSender,
    Verification,
)

Column = InstrumentedAttribute[Any]
# What admins do about a person: the subject of such a row of the audit is their id.
ABOUT_PEOPLE = ("block", "unblock", "report")
# As words, not as a parameter: only so SQLite sees that the index of codes fits.
_CODES = text("outbox.priority = 0")
NOBODY = 0  # stands where an erased person stood


class End(StrEnum):
    """What /privacy erase does with the rows of a person."""

    GO = "go"
    NOBODY = "nobody"  # the row is somebody else's too: only the person goes from it
    PSEUDONYM = "pseudonym"  # the row is proof: it stays under a keyed name, found again only by who asks
    STAY = "stay"  # PRIVACY.md says why


class Held(NamedTuple):
    """One column that names a person."""

    column: Column
    called: str  # after a count of more than one
    end: End
    at: Column | None = None  # when a row was made
    given: bool = True  # to the person, by /privacy show and export; PRIVACY.md says why not
    minus: bool = False  # the column holds minus the person
    text: Column | None = None  # the rows are those of texts that name the person there

    @property
    def table(self) -> type[Base]:
        """Return the table."""
        found: type[Base] = self.column.class_
        return found

    def of(self, *people: int) -> ColumnElement[bool]:
        """Choose the rows of a person, under one or several names."""
        if self.text is not None:
            text_id: Column = self.table.text_id  # type: ignore[attr-defined]  # who names `text` has it
            return and_(text_id.in_(select(TextRow.id).where(self.text.in_(people))))
        if self.minus:
            return and_(_CODES, self.column.in_([-person for person in people]))
        return and_(self.column.in_(people))


# In the order in which erasing goes through them: what is found by its text comes before the text.
PERSON_COLUMNS = (
    Held(Registration.person_id, "phones", End.GO, Registration.verified_at),
    Held(Verification.person_id, "phones waiting for their code", End.GO),
    Held(OptIn.person_id, "servers you said who may text you in", End.GO, OptIn.at),
    Held(Block.person_id, "people you blocked", End.GO, Block.at),
    Held(ListedSender.person_id, "people and roles you list as those who may text you", End.GO),
    Held(ListedSender.subject_id, "lists of others with you on them", End.GO, given=False),
    Held(UrgentSender.person_id, "people who may text you in quiet hours", End.GO, UrgentSender.at),
    Held(UrgentSender.granted_id, "people whom you may text in their quiet hours", End.GO, given=False),
    Held(Introduction.person_id, "people who have texted you", End.GO),
    Held(Introduction.sender_id, "people you have texted", End.GO),
    # Whom it protects is not the one it names, who is not told either.
    Held(Block.blocked_id, "people who blocked you", End.STAY, given=False),
    Held(Reply.person_id, "answers from your phone", End.GO, Reply.at),
    # What is told comes by DM; what is held is not theirs to read yet.
    Held(Reply.to_id, "answers to you", End.GO, Reply.at, given=False),
    Held(ReplyMute.listener_id, "phones whose answers you want no more of", End.GO, ReplyMute.at),
    # Another's wish, about texts of before: none of them can be answered any more.
    Held(ReplyMute.person_id, "people who want no more of your answers", End.GO, given=False),
    Held(Inbound.person_id, "mails that came from your phone or back from it", End.GO, Inbound.at),
    Held(ReplyChoice.person_id, "wishes about answers that nothing proves", End.GO, ReplyChoice.at),
    Held(GuildBlock.person_id, "servers that let you send no texts", End.STAY, given=False),
    Held(GuildBlock.blocked_by, "members whom you let send no texts", End.PSEUDONYM, GuildBlock.at),
    Held(CarrierTest.text_id, "tests of carriers", End.GO, CarrierTest.at, text=TextRow.sender_id),
    Held(
        AnswerChannel.text_id,
        "channels where answers to your texts are shown",
        End.GO,
        AnswerChannel.at,
        text=TextRow.sender_id,
    ),
    # Whether a code went tells a free number from one that takes no codes: nobody is given that.
    Held(OutboxItem.queue, "mails with codes", End.GO, given=False, minus=True),
    Held(OutboxItem.sender_id, "mails of texts you sent", End.GO, text=TextRow.sender_id),
    Held(OutboxItem.queue, "mails of texts to you", End.NOBODY, text=TextRow.recipient_id),
    Held(TextRow.sender_id, "texts you sent", End.GO, TextRow.created_at),
    Held(TextRow.recipient_id, "texts to you", End.NOBODY, TextRow.created_at),
    Held(Notice.person_id, "things the bot told you or has to tell you", End.GO, Notice.created_at),
    Held(Consent.person_id, "lines of what you agreed to or took back", End.PSEUDONYM, Consent.at),
    Held(Consent.other_id, "lines of others' agreements about you", End.NOBODY, given=False),
    Held(Audit.actor_id, "changes you made as an admin or editor", End.PSEUDONYM, Audit.at),
    Held(CarrierEntry.changed_by, "carriers you changed last", End.PSEUDONYM, CarrierEntry.changed_at),
    Held(GatewayDomain.added_by, "gateway domains you put on the list", End.PSEUDONYM, GatewayDomain.at),
    Held(
        DomainRequest.asked_by,
        "requests of yours for a gateway domain",
        End.PSEUDONYM,
        DomainRequest.asked_at,
    ),
)
# Columns that no export opens: fingerprints and MACs, keys to Discord's answers, and the number that waits
# for its code, since whether it is kept tells a free number from one that takes no codes.
NEVER_GIVEN = frozenset(
    {
        ("registrations", "number_index"),
        ("verifications", "number_sealed"),
        ("verifications", "number_index"),
        ("verifications", "code_mac"),
        ("texts", "answer_sealed"),
    }
)
