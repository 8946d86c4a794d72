"""Remember which mails came in, and how far each folder was read."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0007"
down_revision: str | None = "0006"
branch_labels: Sequence[str] | None = None
depends_on: Sequence[str] | None = None


def upgrade() -> None:
    """Build."""
    op.create_table(
        "inbound",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("folder_index", sa.LargeBinary(), nullable=False),
        sa.Column("validity", sa.BigInteger(), nullable=False),
        sa.Column("uid", sa.BigInteger(), nullable=False),
        sa.Column("mail_index", sa.LargeBinary(), nullable=False),
        *(sa.Column(name, sa.Text(), nullable=False) for name in ("state", "kind", "trust")),
        sa.Column("person_id", sa.BigInteger(), nullable=False),
        sa.Column("text_id", sa.BigInteger(), nullable=True),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_inbound")),
        sa.UniqueConstraint("folder_index", "validity", "uid", name=op.f("uq_inbound_folder_index")),
        sa.UniqueConstraint("mail_index", name=op.f("uq_inbound_mail_index")),
    )
    op.create_index("ix_inbound_person", "inbound", ["person_id", "at"])
    op.create_index("ix_inbound_at", "inbound", ["at"])
    op.create_table(
        "mail_folders",
        sa.Column("folder_index", sa.LargeBinary(), nullable=False),
        *(
            sa.Column(name, sa.BigInteger(), nullable=False)
            for name in ("validity", "next_uid", "since", "anew_below")
        ),
        sa.PrimaryKeyConstraint("folder_index", name=op.f("pk_mail_folders")),
    )


def downgrade() -> None:
    """Take down."""
    op.drop_table("mail_folders")
    op.drop_table("inbound")
