"""When the request went out that buys a job and whose answer is not known."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    op.add_column("submissions", sa.Column("ordered_at", sa.DateTime(timezone=True)))
