"""Keep phones' answers, who wants none, numbers that said STOP, and how often texts to a phone came back."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0008"
down_revision: str | None = "0007"
branch_labels: Sequence[str] | None = None
depends_on: Sequence[str] | None = None

_REPLY_INDEXES = ("person_id", "to_id", "at")


def upgrade() -> None:
    """Build."""
    op.create_table(
        "replies",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        *(sa.Column(name, sa.BigInteger(), nullable=False) for name in ("text_id", "person_id", "to_id")),
        sa.Column("guild_id", sa.BigInteger(), nullable=False),
        sa.Column("words_sealed", sa.LargeBinary(), nullable=True),
        sa.Column("pictures_sealed", sa.LargeBinary(), nullable=True),
        sa.Column("proven", sa.Boolean(), nullable=False),
        sa.Column("held", sa.Boolean(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_replies")),
    )
    for name in _REPLY_INDEXES:
        op.create_index(f"ix_replies_{name}", "replies", [name])
    op.create_table(
        "reply_mutes",
        sa.Column("listener_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("person_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("listener_id", "person_id", name=op.f("pk_reply_mutes")),
    )
    op.create_index("ix_reply_mutes_at", "reply_mutes", ["at"])
    op.create_table(
        "reply_choices",
        sa.Column("person_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("person_id", name=op.f("pk_reply_choices")),
    )
    op.create_table(
        "bounce_days",
        sa.Column("registration_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("day", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("halves", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("registration_id", "day", name=op.f("pk_bounce_days")),
    )
    op.create_table(
        "suppressions",
        sa.Column("number_index", sa.LargeBinary(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("number_index", name=op.f("pk_suppressions")),
    )
    op.add_column("notices", sa.Column("reply_id", sa.BigInteger(), nullable=True))


def downgrade() -> None:
    """Take down."""
    # An older bot has no words for them.
    op.execute("DELETE FROM notices WHERE reply_id IS NOT NULL")
    with op.batch_alter_table("notices", schema=None) as batch_op:
        batch_op.drop_column("reply_id")
    # An older bot knows only active, unproven and suspended: none of these may get a text.
    op.execute("UPDATE registrations SET state = 'unproven' WHERE state IN ('stopped', 'halted', 'returned')")
    for table in ("suppressions", "bounce_days", "reply_choices", "reply_mutes", "replies"):
        op.drop_table(table)
