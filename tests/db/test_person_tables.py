"""No column that names a person is forgotten by /privacy: a new one fails here until it has its line."""

from collections.abc import Iterator

from sqlalchemy import Boolean, Column, Integer, MetaData, Table
from sqlalchemy.types import BigInteger

from bot.db.base import Base
from bot.db.person_tables import PERSON_COLUMNS
from bot.db.types import Instant

# What tells of no person, by its name in any table; look twice before you add one.
NO_PERSON = {
    *("id", "guild_id", "carrier_guild", "text_id", "outbox_id", "verification_id", "registration_id"),
    *("request_id", "lease_owner", "version", "registration_version", "turn", "day", "end_days_told"),
    *("tries", "parts", "parts_sent", "priority", "part", "attempts", "ambiguous", "lost", "used", "nights"),
    *("closings", "code", "codes_sent", "codes_typed", "replies", "reply_id", "halves"),
    *("quiet_start", "quiet_end", "log_channel_id", "account_days", "member_minutes", "let_in_by"),
    *("channel_id", "validity", "uid", "next_uid", "anew_below"),
    *("sender_limit", "pair_limit", "recipient_limit", "guild_limit"),
    *(f"{kind}_{why}" for kind in ("refused", "bounced") for why in ("person", "content", "sender", "gone")),
}
# Words that may name people among other things: bot/db/people_kept.py sees to each.
MENTIONS = {("usages", "key"), ("code_uses", "key"), ("lanes", "refused"), ("notices", "words")}
# Words that name nobody.
NO_MENTION = {
    *("name", "value", "country", "carrier", "domain", "form", "prefix", "state", "end_told", "wording"),
    *("audience", "kind", "reason", "slug", "mms_domain", "status", "status_date", "demoted", "action"),
    *("subject", "before", "after", "mail_id", "recent", "outcome", "step", "answer", "times"),
    *("quiet_zone", "sender_roles", "trust"),
    # It goes with its row, which a person's id finds.
    "handle",
}


def unknown(metadata: MetaData) -> Iterator[str]:
    """Name the columns that could hold a person's id and that nobody has thought about."""
    known = {(held.table.__tablename__, held.column.key) for held in PERSON_COLUMNS}
    for table in metadata.sorted_tables:
        for column in table.columns:
            place = (table.name, column.name)
            is_number = isinstance(column.type, BigInteger | Integer)
            if isinstance(column.type, Instant | Boolean) or place in known | MENTIONS:
                continue
            if column.type.python_type is bytes or column.name in (NO_PERSON if is_number else NO_MENTION):
                continue
            yield f"{table.name}.{column.name}"


def test_every_column_that_may_name_a_person_is_looked_after() -> None:
    assert list(unknown(Base.metadata)) == []


def test_a_table_that_nobody_thought_of_is_found() -> None:
    planted = MetaData()
    Table("diaries", planted, Column("id", BigInteger), Column("written_by", BigInteger))
    assert list(unknown(planted)) == ["diaries.written_by"]


def test_what_is_found_by_its_text_goes_before_the_text_loses_the_name() -> None:
    order = [held.column.key if held.text is None else held.text.key for held in PERSON_COLUMNS]
    for place, held in enumerate(PERSON_COLUMNS):
        if held.table.__tablename__ == "texts":
            later = [other for other in PERSON_COLUMNS[place:] if other.text is held.column]
            assert later == [], order
