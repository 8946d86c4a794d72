"""Remember what look-ups find of gateway domains, and which entries they marked failing."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0003"
down_revision: str | None = "0002"
branch_labels: Sequence[str] | None = None
depends_on: Sequence[str] | None = None


def upgrade() -> None:
    """Build."""
    op.create_table(
        "domain_looks",
        sa.Column("domain", sa.String(), nullable=False),
        sa.Column("looked_at", sa.BigInteger(), nullable=False),
        sa.Column("good_at", sa.BigInteger(), nullable=True),
        sa.Column("gone_at", sa.BigInteger(), nullable=True),
        sa.Column("nights", sa.BigInteger(), nullable=False),
        sa.Column("demoted_at", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("domain", name=op.f("pk_domain_looks")),
    )
    op.add_column("carrier_entries", sa.Column("demoted", sa.Text(), nullable=True))


def downgrade() -> None:
    """Take apart."""
    op.drop_column("carrier_entries", "demoted")
    op.drop_table("domain_looks")
