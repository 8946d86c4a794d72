"""Count what gateways show, and remember doubts, tests, requests for domains and who heard of an end."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0004"
down_revision: str | None = "0003"
branch_labels: Sequence[str] | None = None
depends_on: Sequence[str] | None = None

_COUNTS = (
    *("codes_sent", "codes_typed", "replies"),
    *("refused_person", "refused_content", "refused_sender", "refused_gone"),
    *("bounced_person", "bounced_content", "bounced_sender", "bounced_gone"),
)


def upgrade() -> None:
    """Build."""
    op.create_table(
        "gateway_days",
        sa.Column("domain", sa.String(), nullable=False),
        sa.Column("day", sa.BigInteger(), autoincrement=False, nullable=False),
        *(sa.Column(name, sa.BigInteger(), nullable=False) for name in _COUNTS),
        sa.Column("last_sign_at", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("domain", "day", name=op.f("pk_gateway_days")),
    )
    op.create_index("ix_gateway_days_day", "gateway_days", ["day"])
    op.create_table(
        "gateway_doubts",
        sa.Column("domain", sa.String(), nullable=False),
        sa.Column("since", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("domain", name=op.f("pk_gateway_doubts")),
    )
    op.create_table(
        "domain_requests",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("guild_id", sa.BigInteger(), nullable=False),
        sa.Column("domain", sa.Text(), nullable=False),
        sa.Column("asked_by", sa.BigInteger(), nullable=False),
        sa.Column("asked_at", sa.BigInteger(), nullable=False),
        sa.Column("answer", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_domain_requests")),
    )
    op.create_index("ix_domain_requests_asked_at", "domain_requests", ["asked_at"])
    open_only = sa.text("answer IS NULL")
    op.create_index(
        "ix_domain_requests_open",
        "domain_requests",
        ["guild_id", "domain"],
        unique=True,
        sqlite_where=open_only,
        postgresql_where=open_only,
    )
    op.create_table(
        "carrier_tests",
        sa.Column("text_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("domain", sa.Text(), nullable=False),
        sa.Column("form", sa.Text(), nullable=False),
        sa.Column("prefix", sa.Text(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("text_id", name=op.f("pk_carrier_tests")),
    )
    op.create_index("ix_carrier_tests_at", "carrier_tests", ["at"])
    op.add_column("registrations", sa.Column("end_told", sa.Text(), nullable=True))
    op.add_column("registrations", sa.Column("end_days_told", sa.BigInteger(), nullable=True))
    op.add_column("notices", sa.Column("request_id", sa.BigInteger(), nullable=True))


def downgrade() -> None:
    """Take down."""
    with op.batch_alter_table("notices", schema=None) as batch_op:
        batch_op.drop_column("request_id")
    # An older bot knows only active and unproven: both take the same care that nothing is sent.
    op.execute("UPDATE registrations SET state = 'unproven' WHERE state = 'suspended'")
    with op.batch_alter_table("registrations", schema=None) as batch_op:
        batch_op.drop_column("end_days_told")
        batch_op.drop_column("end_told")
    for table in ("carrier_tests", "domain_requests", "gateway_doubts", "gateway_days"):
        op.drop_table(table)
