"""The tables of Luthier 0.1.0, which kept the number of its schema in a table of its own."""

from alembic import op
from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    DateTime,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    Text,
)

revision = "0001"
down_revision = None

INSTANT = DateTime(timezone=True)

metadata = MetaData()

Table(
    "datasets",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("kind", String(32), nullable=False),
    Column("created_at", INSTANT, nullable=False, index=True),
    Column("record", Text, nullable=False),
)

Table(
    "dataset_files",
    metadata,
    Column("dataset_id", ForeignKey("datasets.id", ondelete="CASCADE"), primary_key=True),
    Column("uri", Text, primary_key=True),
    Column("sha256", String(64), nullable=False, index=True),
    Column("name", Text, nullable=False),
    Column("examples", Integer, nullable=False),
)

Table(
    "jobs",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("status", String(32), nullable=False, index=True),
    Column("provider", String(64), nullable=False),
    Column("dataset_id", String(64), nullable=False, index=True),
    Column("created_at", INSTANT, nullable=False, index=True),
    Column("record", Text, nullable=False),
)

Table(
    "submissions",
    metadata,
    Column("job_id", String(64), primary_key=True),
    Column("provider", String(64), nullable=False),
    Column("key", Text, nullable=False),
    Column("remote_id", Text),
    Column("claim", String(64)),
    Column("claimed_until", INSTANT),
    Column("claims", Integer, nullable=False),
    Column("intended_at", INSTANT, nullable=False),
    Column("recorded_at", INSTANT),
)

Table(
    "models",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("display_name", Text, nullable=False, index=True),
    Column("provider", String(64), nullable=False),
    Column("job_id", String(64), nullable=False, index=True),
    Column("dataset_id", String(64), nullable=False, index=True),
    Column("artifact", Text),
    Column("created_at", INSTANT, nullable=False),
    Column("deleted_at", INSTANT),
    Column("record", Text, nullable=False),
    Index("ix_models_shown", "deleted_at", "created_at"),
)

Table(
    "conversations",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("account_id", String(64), nullable=False),
    Column("model_id", String(64), nullable=False),
    Column("title", Text, nullable=False),
    Column("settings", Text, nullable=False),
    Column("created_at", INSTANT, nullable=False),
    Column("updated_at", INSTANT, nullable=False),
    Column("deleted_at", INSTANT),
    Index("ix_conversations_of_model", "account_id", "model_id", "updated_at"),
)

Table(
    "conversation_turns",
    metadata,
    Column("conversation_id", ForeignKey("conversations.id", ondelete="CASCADE"), primary_key=True),
    Column("position", Integer, primary_key=True),
    Column("role", String(16), nullable=False),
    Column("content", Text, nullable=False),
    Column("base_content", Text),
    Column("created_at", INSTANT, nullable=False),
)

Table(
    "accounts",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("name", String(200), nullable=False, unique=True),
    Column("email", String(320), unique=True),
    Column("plan", String(64), nullable=False),
    Column("owner", Boolean, nullable=False),
    Column("disabled", Boolean, nullable=False),
    Column("password", Text),
    Column("subject", Text, unique=True),
    Column("epoch", Integer, nullable=False),
    Column("created_at", INSTANT, nullable=False),
)

Table(
    "api_keys",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("account", ForeignKey("accounts.id", ondelete="CASCADE"), nullable=False, index=True),
    Column("name", String(200), nullable=False),
    Column("prefix", String(32), nullable=False),
    Column("digest", String(64), nullable=False, unique=True),
    Column("created_at", INSTANT, nullable=False),
    Column("expires_at", INSTANT),
    Column("last_used_at", INSTANT),
    Column("revoked_at", INSTANT),
)

Table(
    "usage",
    metadata,
    Column("account", String(64), primary_key=True),
    Column("minute", BigInteger, primary_key=True),
    Column("requests", Integer, nullable=False),
)

Table(
    "audit",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("at", INSTANT, nullable=False, index=True),
    Column("account", String(64), nullable=False, index=True),
    Column("action", String(64), nullable=False),
    Column("target", Text, nullable=False),
    Column("detail", Text, nullable=False),
)

Table(
    "uploads",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("account", String(64), nullable=False, index=True),
    Column("filename", Text, nullable=False),
    Column("purpose", String(32), nullable=False),
    Column("bytes", BigInteger, nullable=False),
    Column("path", Text, nullable=False),
    Column("created_at", INSTANT, nullable=False),
    Column("deleted_at", INSTANT),
)

Table(
    "runs",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("account", String(64), nullable=False, index=True),
    Column("flow", String(32), nullable=False),
    Column("status", String(32), nullable=False, index=True),
    Column("premium", Boolean, nullable=False),
    Column("job_id", String(64), index=True),
    Column("dataset_id", String(64), index=True),
    Column("created_at", INSTANT, nullable=False),
    Column("deleted_at", INSTANT),
    Column("purged_at", INSTANT),
    Column("record", Text, nullable=False),
)


def upgrade() -> None:
    """A registry that 0.1.0 wrote has them already, or lacks the youngest."""
    metadata.create_all(op.get_bind())
    op.execute("DROP TABLE IF EXISTS luthier_schema")
