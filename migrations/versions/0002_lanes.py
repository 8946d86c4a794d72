"""Give each gateway a lane, and each waiting mail its turn in it."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0002"
down_revision: str | None = "0001"
branch_labels: Sequence[str] | None = None
depends_on: Sequence[str] | None = None


def upgrade() -> None:
    """Build."""
    op.create_table(
        "lanes",
        sa.Column("domain", sa.String(), nullable=False),
        sa.Column("recent", sa.Text(), nullable=False),
        sa.Column("closed_until", sa.BigInteger(), nullable=True),
        sa.Column("closings", sa.BigInteger(), nullable=False),
        sa.Column("refused", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("domain", name=op.f("pk_lanes")),
    )
    for name in ("ix_outbox_claim", "ix_outbox_expires", "ix_outbox_queue"):
        op.drop_index(name, "outbox")
    op.add_column("outbox", sa.Column("turn", sa.BigInteger(), nullable=True))
    op.add_column(
        "outbox", sa.Column("first_of_pair", sa.Boolean(), nullable=False, server_default=sa.true())
    )
    op.add_column("outbox", sa.Column("lost", sa.BigInteger(), nullable=False, server_default="0"))
    # What waits already keeps the order in which it was accepted, before all that comes.
    op.execute("UPDATE outbox SET turn = id WHERE state IN ('waiting', 'leased')")
    op.execute("UPDATE outbox SET lost = ambiguous % 2, ambiguous = ambiguous / 2")
    _index("claim", ["domain", "priority", "turn", "id", "due_at", "queue"], "state = 'waiting'")
    _index("queue", ["queue", "turn", "id", "first_of_pair"], "turn IS NOT NULL")
    _index("sender", ["sender_id", "turn", "queue"], "turn IS NOT NULL")
    _index("expires", ["expires_at"], "turn IS NOT NULL")
    _index("lease", ["lease_owner"], "lease_owner IS NOT NULL")
    _index("codes", ["queue"], "priority = 0")


def downgrade() -> None:
    """Take down."""
    for name in ("claim", "queue", "sender", "expires", "lease", "codes"):
        op.drop_index(f"ix_outbox_{name}", "outbox")
    op.execute("UPDATE outbox SET ambiguous = ambiguous * 2 + CASE WHEN lost > 0 THEN 1 ELSE 0 END")
    with op.batch_alter_table("outbox", schema=None) as batch_op:
        for name in ("lost", "first_of_pair", "turn"):
            batch_op.drop_column(name)
        batch_op.create_index("ix_outbox_claim", ["state", "priority", "due_at", "id"], unique=False)
        batch_op.create_index("ix_outbox_expires", ["state", "expires_at"], unique=False)
        batch_op.create_index("ix_outbox_queue", ["queue", "state", "id"], unique=False)
    op.drop_table("lanes")


def _index(name: str, columns: list[str], where: str) -> None:
    condition = sa.text(where)
    op.create_index(
        f"ix_outbox_{name}", "outbox", columns, sqlite_where=condition, postgresql_where=condition
    )
