"""API keys: kept as a hash, shown once, revoked at once."""

import hashlib
import secrets
from datetime import datetime, timedelta
from typing import Any, NamedTuple
from uuid import uuid4

from sqlalchemy import or_, select

from errors import InvalidData, NotFound
from records import Record, now
from registry.accounts import Account, _account
from registry.database import Database
from registry.tables import accounts, api_keys

START = "sk-luthier-"
SHOWN = len(START) + 6
LONGEST_NAME = 100
# A request a second must not be a write a second.
USE_NOTED_EVERY = timedelta(minutes=1)


class ApiKey(Record):
    id: str
    account: str
    name: str
    prefix: str
    created_at: datetime
    expires_at: datetime | None = None
    last_used_at: datetime | None = None
    revoked_at: datetime | None = None

    @property
    def active(self) -> bool:
        return self.revoked_at is None and (self.expires_at is None or self.expires_at > now())


class NewKey(NamedTuple):
    key: ApiKey
    secret: str


class Keys(Database):
    def create_key(self, account_id: str, name: str, expires_at: datetime | None = None) -> NewKey:
        """The key and its secret, shown this once. Raises InvalidData for a name or day that can't be."""
        name = " ".join(name.split())
        if not 0 < len(name) <= LONGEST_NAME or not name.isprintable():
            raise InvalidData(
                f"A key's name has 1 to {LONGEST_NAME} printable characters.", "Name what will use it."
            )
        if expires_at and expires_at <= now():
            raise InvalidData("The key would have expired already.", "Choose a day in the future.")
        secret = START + secrets.token_urlsafe(32)
        key = ApiKey(
            id=f"key-{uuid4().hex[:16]}",
            account=account_id,
            name=name,
            prefix=secret[:SHOWN],
            created_at=now(),
            expires_at=expires_at,
        )
        with self.writing() as connection:
            connection.execute(api_keys.insert().values(**dict(key), digest=_digest(secret)))
        return NewKey(key, secret)

    def keys(self, account_id: str | None = None) -> list[ApiKey]:
        """The newest first; revoked and expired ones stay listed."""
        query = select(api_keys).order_by(api_keys.c.created_at.desc(), api_keys.c.id)
        if account_id:
            query = query.where(api_keys.c.account == account_id)
        with self.reading() as connection:
            return [_key(row) for row in connection.execute(query).mappings()]

    def revoke_key(self, account_id: str, key: str) -> ApiKey:
        """By id, or by a prefix or name that only one active key has. Raises NotFound."""
        columns = api_keys.c
        ways = or_(columns.id == key, columns.prefix == key, columns.name == key)
        with self.writing() as connection:
            found = (
                connection.execute(select(api_keys).where(columns.account == account_id, ways))
                .mappings()
                .all()
            )
            wanted = [row for row in found if row["id"] == key] or [
                row for row in found if row["revoked_at"] is None
            ]
            if len(wanted) != 1:
                raise NotFound(
                    f"'{key}' names {'no' if not wanted else 'more than one'} active key.",
                    "`luthier keys list` shows their ids.",
                )
            revoked = wanted[0]["revoked_at"] or now()
            connection.execute(
                api_keys.update().where(columns.id == wanted[0]["id"]).values(revoked_at=revoked)
            )
            return _key({**wanted[0], "revoked_at": revoked})

    def account_of_key(self, secret: str) -> Account | None:
        """Whose key it is, if it is known, active, and its account too. Notes its use, once a minute."""
        columns = api_keys.c
        moment = now()
        with self.reading() as connection:
            key = (
                connection.execute(select(api_keys).where(columns.digest == _digest(secret)))
                .mappings()
                .first()
            )
            if key is None or not _key(key).active:
                return None
            row = connection.execute(select(accounts).where(accounts.c.id == key["account"])).mappings().one()
        account = _account(dict(row))
        if account.disabled:
            return None
        if key["last_used_at"] is None or key["last_used_at"] < moment - USE_NOTED_EVERY:
            with self.writing() as connection:
                connection.execute(
                    api_keys.update().where(columns.id == key["id"]).values(last_used_at=moment)
                )
        return account


def _digest(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()


def _key(row: Any) -> ApiKey:
    return ApiKey(**{name: row[name] for name in ApiKey.model_fields})
