"""What alembic runs, on a connection in a transaction that registry/schema.py hands over."""

from typing import Any, Literal

from alembic import context

from registry import tables


def render(kind: str, thing: Any, _: Any) -> str | Literal[False]:
    """Migrations stand alone: they name SQL's types, not those of today's code."""
    instant = kind == "type" and isinstance(thing, tables.Instant)
    return "sa.DateTime(timezone=True)" if instant else False


connection = context.config.attributes["connection"]
context.configure(
    connection=connection,
    target_metadata=tables.metadata,
    render_item=render,
    # SQLite changes a column by copying its table
    render_as_batch=connection.dialect.name == "sqlite",
    transactional_ddl=True,
)
with context.begin_transaction():
    context.run_migrations()
