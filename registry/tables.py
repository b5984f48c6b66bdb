"""The schema, which migrations/ brings a database to: after a change here, `python -m registry.migrations`.

A record is kept whole as its JSON; the other columns are what it is looked up by.

JSON is kept as text, not as a JSON column: it goes straight through pydantic, keeps the order of keys
(labels, confusion tables), and holds a NUL that Postgres would refuse in JSONB.
"""

from datetime import UTC, datetime
from typing import Any

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
from sqlalchemy.engine import Dialect
from sqlalchemy.types import TypeDecorator


class Instant(TypeDecorator[datetime]):
    """A moment, stored as UTC and read back with its time zone, also where the database knows none."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        return value.astimezone(UTC) if value else None

    def process_result_value(self, value: Any, dialect: Dialect) -> datetime | None:
        if not isinstance(value, datetime):
            return None
        return value.astimezone(UTC) if value.tzinfo else value.replace(tzinfo=UTC)


metadata = MetaData()

datasets = Table(
    "datasets",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("kind", String(32), nullable=False),
    Column("created_at", Instant, nullable=False, index=True),
    Column("record", Text, nullable=False),
)

dataset_files = Table(
    "dataset_files",
    metadata,
    Column("dataset_id", ForeignKey("datasets.id", ondelete="CASCADE"), primary_key=True),
    Column("uri", Text, primary_key=True),
    Column("sha256", String(64), nullable=False, index=True),
    Column("name", Text, nullable=False),
    Column("examples", Integer, nullable=False),
)

jobs = Table(
    "jobs",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("status", String(32), nullable=False, index=True),
    Column("provider", String(64), nullable=False),
    Column("dataset_id", String(64), nullable=False, index=True),
    Column("created_at", Instant, nullable=False, index=True),
    Column("record", Text, nullable=False),
)

# One row a paid job: written before the vendor is called, completed with the vendor's id right after.
submissions = Table(
    "submissions",
    metadata,
    Column("job_id", String(64), primary_key=True),
    Column("provider", String(64), nullable=False),
    Column("key", Text, nullable=False),
    Column("remote_id", Text),
    Column("claim", String(64)),
    Column("claimed_until", Instant),
    Column("claims", Integer, nullable=False),
    Column("intended_at", Instant, nullable=False),
    Column("ordered_at", Instant),
    Column("recorded_at", Instant),
)

# Which Prefect run carries which job on: it leads from a parked, cancelled or crashed run to its job.
# `parked` is set before a run is parked and taken off when it goes on: that tells it from a retried one.
flow_runs = Table(
    "flow_runs",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("job_id", String(64), primary_key=True, index=True),
    Column("parked", Boolean, nullable=False),
    Column("since", Instant, nullable=False),
)

# When the open jobs of a provider may next be asked for, whoever asks.
polls = Table(
    "polls",
    metadata,
    Column("provider", String(64), primary_key=True),
    Column("next_at", Instant, nullable=False),
)

models = Table(
    "models",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("display_name", Text, nullable=False, index=True),
    Column("provider", String(64), nullable=False),
    Column("job_id", String(64), nullable=False, index=True),
    Column("dataset_id", String(64), nullable=False, index=True),
    Column("artifact", Text),
    Column("created_at", Instant, nullable=False),
    Column("deleted_at", Instant),
    Column("record", Text, nullable=False),
    Index("ix_models_shown", "deleted_at", "created_at"),
)

# Versions of a model that is made again and again: all under one name, which points at one of them.
model_names = Table(
    "model_names",
    metadata,
    Column("name", String(100), primary_key=True),
    Column("alias", String(100), unique=True),
    Column("model_id", String(64), nullable=False),
    Column("updated_at", Instant, nullable=False),
)

model_versions = Table(
    "model_versions",
    metadata,
    Column("name", String(100), primary_key=True),
    Column("number", Integer, primary_key=True),
    Column("model_id", String(64), nullable=False, index=True),
    Column("record", Text, nullable=False),
    Index("ix_model_versions_once", "name", "model_id", unique=True),
)

# What became of each job spec when it was last run, by the name of its model.
spec_runs = Table(
    "spec_runs",
    metadata,
    Column("name", String(100), primary_key=True),
    Column("record", Text, nullable=False),
)

# How often a failed job was tried again by itself, counted over its attempts.
retries = Table(
    "retries",
    metadata,
    Column("work", String(64), primary_key=True),
    Column("tries", Integer, nullable=False),
    Column("last_at", Instant, nullable=False),
)

# What people were told already.
notices = Table(
    "notices",
    metadata,
    Column("key", String(200), primary_key=True),
    Column("told_at", Instant, nullable=False),
)

# Conversations of the chat page. The API's callers keep their own history; neither can reach the other's.
conversations = Table(
    "conversations",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("account_id", String(64), nullable=False),
    Column("model_id", String(64), nullable=False),
    Column("title", Text, nullable=False),
    Column("settings", Text, nullable=False),
    Column("created_at", Instant, nullable=False),
    Column("updated_at", Instant, nullable=False),
    Column("deleted_at", Instant),
    Index("ix_conversations_of_model", "account_id", "model_id", "updated_at"),
)

conversation_turns = Table(
    "conversation_turns",
    metadata,
    Column("conversation_id", ForeignKey("conversations.id", ondelete="CASCADE"), primary_key=True),
    Column("position", Integer, primary_key=True),
    Column("role", String(16), nullable=False),
    Column("content", Text, nullable=False),
    Column("base_content", Text),
    Column("created_at", Instant, nullable=False),
)

accounts = Table(
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
    Column("created_at", Instant, nullable=False),
)

# A key itself is never kept: it has 256 random bits, so that its plain SHA-256 gives nothing away.
api_keys = Table(
    "api_keys",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("account", ForeignKey("accounts.id", ondelete="CASCADE"), nullable=False, index=True),
    Column("name", String(200), nullable=False),
    Column("prefix", String(32), nullable=False),
    Column("digest", String(64), nullable=False, unique=True),
    Column("created_at", Instant, nullable=False),
    Column("expires_at", Instant),
    Column("last_used_at", Instant),
    Column("revoked_at", Instant),
)

# What an account asked for, minute by minute: the rolling window is the sum of its last minutes.
usage = Table(
    "usage",
    metadata,
    Column("account", String(64), primary_key=True),
    Column("minute", BigInteger, primary_key=True),
    Column("requests", Integer, nullable=False),
)

audit = Table(
    "audit",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("at", Instant, nullable=False, index=True),
    Column("account", String(64), nullable=False, index=True),
    Column("action", String(64), nullable=False),
    Column("target", Text, nullable=False),
    Column("detail", Text, nullable=False),
)

uploads = Table(
    "uploads",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("account", String(64), nullable=False, index=True),
    Column("filename", Text, nullable=False),
    Column("purpose", String(32), nullable=False),
    Column("bytes", BigInteger, nullable=False),
    Column("path", Text, nullable=False),
    Column("created_at", Instant, nullable=False),
    Column("deleted_at", Instant),
)

# Work that an account asked for, from the click on; it is also what says whose a job, a model, a dataset is.
runs = Table(
    "runs",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("account", String(64), nullable=False, index=True),
    Column("flow", String(32), nullable=False),
    Column("status", String(32), nullable=False, index=True),
    Column("premium", Boolean, nullable=False),
    Column("job_id", String(64), index=True),
    Column("dataset_id", String(64), index=True),
    Column("created_at", Instant, nullable=False),
    Column("deleted_at", Instant),
    Column("purged_at", Instant),
    Column("record", Text, nullable=False),
)
