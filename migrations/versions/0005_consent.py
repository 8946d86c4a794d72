"""Keep quiet hours, listed and urgent senders, first texts, and what guilds' admins set."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0005"
down_revision: str | None = "0004"
branch_labels: Sequence[str] | None = None
depends_on: Sequence[str] | None = None

_HELD = sa.text("state = 'held'")


def upgrade() -> None:
    """Build."""
    _tables_of_people()
    _tables_of_guilds()
    op.add_column("registrations", sa.Column("quiet_start", sa.BigInteger(), nullable=True))
    op.add_column("registrations", sa.Column("quiet_end", sa.BigInteger(), nullable=True))
    op.add_column("registrations", sa.Column("quiet_zone", sa.Text(), nullable=True))
    op.add_column("consents", sa.Column("other_id", sa.BigInteger(), nullable=True))
    op.add_column("outbox", sa.Column("let_in_by", sa.BigInteger(), nullable=True))
    op.create_index(
        "ix_outbox_held", "outbox", ["due_at", "queue"], sqlite_where=_HELD, postgresql_where=_HELD
    )


def _tables_of_people() -> None:
    op.create_table(
        "listed_senders",
        sa.Column("person_id", sa.BigInteger(), nullable=False),
        sa.Column("guild_id", sa.BigInteger(), nullable=False),
        sa.Column("subject_id", sa.BigInteger(), nullable=False),
        sa.Column("is_role", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("person_id", "guild_id", "subject_id", name=op.f("pk_listed_senders")),
    )
    op.create_table(
        "urgent_senders",
        sa.Column("person_id", sa.BigInteger(), nullable=False),
        sa.Column("granted_id", sa.BigInteger(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("person_id", "granted_id", name=op.f("pk_urgent_senders")),
    )
    op.create_table(
        "introductions",
        sa.Column("person_id", sa.BigInteger(), nullable=False),
        sa.Column("sender_id", sa.BigInteger(), nullable=False),
        sa.Column("text_id", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("person_id", "sender_id", name=op.f("pk_introductions")),
    )
    op.create_index("ix_introductions_text_id", "introductions", ["text_id"])


def _tables_of_guilds() -> None:
    numbers = (
        "account_days",
        "member_minutes",
        "sender_limit",
        "pair_limit",
        "recipient_limit",
        "guild_limit",
    )
    op.create_table(
        "guild_policies",
        sa.Column("guild_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("texting", sa.Boolean(), nullable=False),
        sa.Column("paused_until", sa.BigInteger(), nullable=True),
        sa.Column("log_channel_id", sa.BigInteger(), nullable=True),
        sa.Column("sender_roles", sa.Text(), nullable=False),
        *(sa.Column(name, sa.BigInteger(), nullable=True) for name in numbers),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("guild_id", name=op.f("pk_guild_policies")),
    )
    op.create_index("ix_guild_policies_version", "guild_policies", ["version"])
    op.create_table(
        "guild_blocks",
        sa.Column("guild_id", sa.BigInteger(), nullable=False),
        sa.Column("person_id", sa.BigInteger(), nullable=False),
        sa.Column("blocked_by", sa.BigInteger(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("guild_id", "person_id", name=op.f("pk_guild_blocks")),
    )
    op.create_index("ix_guild_blocks_person_id", "guild_blocks", ["person_id"])


def downgrade() -> None:
    """Take down."""
    # An older bot knows no held mails and no lists: what is held ends, a listed audience admits nobody.
    op.execute("UPDATE texts SET state = 'cancelled', reason = '' WHERE state = 'held'")
    op.execute("UPDATE outbox SET state = 'cancelled', words_sealed = NULL WHERE state = 'held'")
    op.execute("UPDATE opt_ins SET audience = 'nobody' WHERE audience = 'listed'")
    op.drop_index("ix_outbox_held", "outbox")
    with op.batch_alter_table("outbox", schema=None) as batch_op:
        batch_op.drop_column("let_in_by")
    with op.batch_alter_table("consents", schema=None) as batch_op:
        batch_op.drop_column("other_id")
    with op.batch_alter_table("registrations", schema=None) as batch_op:
        for name in ("quiet_zone", "quiet_end", "quiet_start"):
            batch_op.drop_column(name)
    for table in ("guild_blocks", "guild_policies", "introductions", "urgent_senders", "listed_senders"):
        op.drop_table(table)
