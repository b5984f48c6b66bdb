"""Requests in a rolling window, counted for an account as a whole: chat and API share one allowance."""

from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from sqlalchemy import Connection, func, select

from records import now
from registry.database import Database
from registry.tables import accounts, usage

MINUTE = 60


class Window(NamedTuple):
    """`frees_at` is when the oldest requests leave the window; none if it is empty."""

    used: int
    frees_at: datetime | None
    granted: bool = True


class Usage(Database):
    def spend_request(self, account_id: str, limit: int | None, window: timedelta, count: int = 1) -> Window:
        """Count so many requests, unless more than `limit` would be in the window; `granted` says which.
        One transaction."""
        minute = _minute(now())
        with self.writing() as connection:
            if connection.dialect.name != "sqlite":
                # SQLite is locked as a whole already; elsewhere the account's row stands for its counts
                connection.execute(select(accounts.c.id).where(accounts.c.id == account_id).with_for_update())
            seen = _window(connection, account_id, window)
            if limit is not None and seen.used + count > limit:
                return seen._replace(granted=False)
            here = (usage.c.account == account_id, usage.c.minute == minute)
            one_more = usage.update().where(*here).values(requests=usage.c.requests + count)
            if not connection.execute(one_more).rowcount:
                connection.execute(usage.insert().values(account=account_id, minute=minute, requests=count))
            return Window(seen.used + count, seen.frees_at or _leaves(minute, window))

    def requests_used(self, account_id: str, window: timedelta) -> Window:
        with self.reading() as connection:
            return _window(connection, account_id, window)

    def forget_usage(self, before: datetime) -> None:
        with self.writing() as connection:
            connection.execute(usage.delete().where(usage.c.minute < _minute(before)))


def _window(connection: Connection, account_id: str, window: timedelta) -> Window:
    first = _minute(now() - window)
    query = select(func.coalesce(func.sum(usage.c.requests), 0), func.min(usage.c.minute)).where(
        usage.c.account == account_id, usage.c.minute > first
    )
    used, oldest = connection.execute(query).one()
    return Window(int(used), _leaves(oldest, window) if oldest is not None else None)


def _minute(moment: datetime) -> int:
    return int(moment.timestamp()) // MINUTE


def _leaves(minute: int, window: timedelta) -> datetime:
    return datetime.fromtimestamp(minute * MINUTE, UTC) + window
