"""Let answers go to the channel of their text, where its sender wants it and the guild's admins allow it."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0009"
down_revision: str | None = "0008"
branch_labels: Sequence[str] | None = None
depends_on: Sequence[str] | None = None


def upgrade() -> None:
    """Build."""
    op.create_table(
        "answer_channels",
        sa.Column("text_id", sa.BigInteger(), autoincrement=False, nullable=False),
        *(sa.Column(name, sa.BigInteger(), nullable=False) for name in ("guild_id", "channel_id", "at")),
        sa.PrimaryKeyConstraint("text_id", name=op.f("pk_answer_channels")),
    )
    op.create_index("ix_answer_channels_at", "answer_channels", ["at"])
    op.add_column(
        "guild_policies", sa.Column("answers_here", sa.Boolean(), nullable=False, server_default=sa.false())
    )


def downgrade() -> None:
    """Take it back."""
    with op.batch_alter_table("guild_policies") as table:
        table.drop_column("answers_here")
    op.drop_table("answer_channels")
