"""PRIVACY.md has a row for all that the store keeps of people, and says the same of its end as the code."""

import re
from pathlib import Path

import pytest

from bot.db.person_tables import PERSON_COLUMNS, End, Held
from bot.db.tables import Base

PAGE = (Path(__file__).resolve().parents[1] / "PRIVACY.md").read_text("utf-8")
# The beginning of the row of each column that names a person; several kinds may share one.
ROWS = {
    "registrations.person_id": "your number and carrier",
    "verifications.person_id": "your number and carrier",
    "opt_ins.person_id": "who may text you",
    "blocks.person_id": "who may text you, whom you blocked",
    "blocks.blocked_id": "that somebody blocked you",
    "listed_senders.person_id": "whom you list",
    "listed_senders.subject_id": "whom you list",
    "urgent_senders.person_id": "whom you list",
    "urgent_senders.granted_id": "whom you list",
    "introductions.person_id": "whose first text to whom",
    "introductions.sender_id": "whose first text to whom",
    "replies.person_id": "what your phone answers",
    "replies.to_id": "who answered whom",
    "reply_mutes.listener_id": "who answered whom, when; whose answers you want no more",
    "reply_mutes.person_id": "who answered whom, when; whose answers you want no more",
    "reply_choices.person_id": "that answers which nothing proves to be yours go on",
    "inbound.person_id": "that a mail came from your phone",
    "guild_blocks.person_id": "which members a server's admins let send no texts",
    "guild_blocks.blocked_by": "which members a server's admins let send no texts",
    "carrier_tests.text_id": "which way the text of a `/carrier test` of yours took",
    "answer_channels.text_id": "in which channel answers",
    "outbox.queue": "what a text says",
    "outbox.sender_id": "what a text says",
    "texts.sender_id": "who texted whom",
    "texts.recipient_id": "who texted whom",
    "notices.person_id": "what the bot told you",
    "consents.person_id": "what you agreed to",
    "consents.other_id": "what you agreed to",
    "audit.actor_id": "what admins set for their server",
    "carrier_entries.changed_by": "carrier changes by admins",
    "gateway_domains.added_by": "carrier changes by admins",
    "domain_requests.asked_by": "which admin asked for a gateway's domain",
}
# Tables without a column for a person, and the row of those that tell something of one all the same.
OTHERS = {
    "usages": "how many texts you sent",
    "code_uses": "how many codes a number and a person asked for",
    "suppressions": "that a number said STOP",
    "bounce_days": "on which days texts to your phone came back",
    "lanes": "which of your texts a gateway refused last",
    "gateway_days": "how many codes each gateway took",
    "guild_policies": "what admins set for their server",
    "attempts": "who texted whom",
    **dict.fromkeys(
        ("domain_looks", "gateway_doubts", "guilds_left", "mail_folders", "marks", "wrapped_keys")
    ),
}
# What a row may say of an erasure, by what the code does.
SAYS = {
    End.GO: ("gone",),
    End.NOBODY: ("gone", "stays under a keyed name"),
    End.STAY: ("stays",),
    End.PSEUDONYM: ("stays under a keyed name",),
}


def last_cell(begins: str) -> str:
    """Return what the one row that begins so says of an erasure."""
    (row,) = re.findall(rf"^\| {re.escape(begins)}.*$", PAGE, re.MULTILINE)
    return str(row).rstrip(" |").rpartition("| ")[2]


@pytest.mark.parametrize("held", PERSON_COLUMNS, ids=lambda held: held.called)
def test_what_is_kept_of_people_has_its_row(held: Held) -> None:
    said = last_cell(ROWS[f"{held.table.__tablename__}.{held.column.key}"])
    assert any(word in said for word in SAYS[held.end]), said


def test_no_table_is_forgotten() -> None:
    with_people = {held.table.__tablename__ for held in PERSON_COLUMNS}
    assert set(OTHERS) == set(Base.metadata.tables) - with_people
    for begins in filter(None, OTHERS.values()):
        assert last_cell(begins), begins
