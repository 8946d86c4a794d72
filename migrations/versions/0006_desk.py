"""Remember when a phone last showed a sign of life, and which guilds the bot has left."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0006"
down_revision: str | None = "0005"
branch_labels: Sequence[str] | None = None
depends_on: Sequence[str] | None = None


def upgrade() -> None:
    """Build."""
    op.add_column("registrations", sa.Column("sign_at", sa.BigInteger(), nullable=True))
    op.create_table(
        "guilds_left",
        sa.Column("guild_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("guild_id", name=op.f("pk_guilds_left")),
    )


def downgrade() -> None:
    """Take down."""
    op.drop_table("guilds_left")
    # An older bot knows only active, unproven and suspended.
    op.execute("UPDATE registrations SET state = 'unproven' WHERE state = 'quiet'")
    with op.batch_alter_table("registrations", schema=None) as batch_op:
        batch_op.drop_column("sign_at")
