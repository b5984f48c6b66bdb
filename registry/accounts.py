"""Accounts: who may use a Luthier that serves more than its owner, and on which plan.

The owner's account is there from the start; what the command line makes belongs to it.
"""

from datetime import datetime
from typing import Any
from uuid import uuid4

from sqlalchemy import Connection, func, select
from sqlalchemy.exc import IntegrityError

from errors import InvalidData, NotFound
from records import Record, now
from registry.database import Database, insert_missing
from registry.tables import accounts

OWNER = "owner"
LONGEST_NAME = 200
SHORTEST_PASSWORD = 8
LONGEST_PASSWORD = 1024
# verified when there is no such account, so that the time taken doesn't tell
NOBODY = "$argon2id$v=19$m=65536,t=3,p=4$c29tZXNhbHRzb21lc2FsdA$tnxyCZ8u7bW2EJRhTqHgRGLgeyDJtbdGTEIzBjbr3a0"


class Account(Record):
    """`epoch` rises when all its sessions end; `subject` is how a sign-in provider names the person."""

    id: str
    name: str
    email: str | None = None
    plan: str
    owner: bool = False
    disabled: bool = False
    has_password: bool = False
    subject: str | None = None
    epoch: int = 0
    created_at: datetime


class Accounts(Database):
    def owner(self, plan: str = "owner") -> Account:
        """The owner's account, made on first use with that plan."""
        fields = {"id": OWNER, "name": OWNER, "plan": plan, "owner": True}
        with self.reading() as connection:
            found = _row(connection, accounts.c.id == OWNER)
        if not found:
            with self.writing() as connection:
                insert_missing(connection, accounts, **_fresh(**fields))
                found = _row(connection, accounts.c.id == OWNER)
        return _account(found or {})

    def account(self, account_id: str) -> Account:
        """Raises NotFound."""
        with self.reading() as connection:
            return _account(_found(connection, account_id))

    def accounts(self) -> list[Account]:
        """The oldest first."""
        query = select(accounts).order_by(accounts.c.created_at, accounts.c.id)
        with self.reading() as connection:
            return [_account(dict(row)) for row in connection.execute(query).mappings()]

    def add_account(
        self,
        name: str,
        plan: str = "free",
        password: str | None = None,
        email: str | None = None,
        subject: str | None = None,
    ) -> Account:
        """Raises InvalidData for a name or address that is taken or can't be, or too short a password."""
        fields = _fresh(
            id=f"acct-{uuid4().hex[:16]}",
            name=_name(name),
            plan=plan,
            email=(email or "").strip().lower() or None,
            password=_hashed(password) if password else None,
            subject=subject,
        )
        with self.writing() as connection:
            if not insert_missing(connection, accounts, **fields):
                raise _taken(name)
            return _account(_found(connection, fields["id"]))

    def change_account(self, account_id: str, **changes: Any) -> Account:
        """Change name, plan, email or disabled; a disabled account is signed out everywhere."""
        if unknown := changes.keys() - {"name", "plan", "email", "disabled", "subject"}:
            raise ValueError(f"not to be changed: {unknown}")
        if "name" in changes:
            changes["name"] = _name(changes["name"])
        if changes.get("disabled"):
            if account_id == OWNER:
                raise InvalidData("The owner's account can't be disabled.", "Change its password instead.")
            changes["epoch"] = accounts.c.epoch + 1
        try:
            with self.writing() as connection:
                _found(connection, account_id)
                if changes:
                    connection.execute(accounts.update().where(accounts.c.id == account_id).values(**changes))
                return _account(_found(connection, account_id))
        except IntegrityError as error:
            raise _taken(str(changes.get("name", ""))) from error

    def set_password(self, account_id: str, password: str) -> Account:
        """Also ends all sessions of the account. Raises InvalidData for a password that is too short."""
        values = {"password": _hashed(password), "epoch": accounts.c.epoch + 1}
        with self.writing() as connection:
            _found(connection, account_id)
            connection.execute(accounts.update().where(accounts.c.id == account_id).values(**values))
            return _account(_found(connection, account_id))

    def account_by_password(self, name: str, password: str) -> Account | None:
        """By name or e-mail address. None for a wrong password as for an unknown or disabled account."""
        with self.reading() as connection:
            known = (func.lower(accounts.c.name) == name.strip().lower()) | (
                accounts.c.email == name.strip().lower()
            )
            found = _row(connection, known)
        kept = (found or {}).get("password") or NOBODY
        right = _verified(kept, password[:LONGEST_PASSWORD])
        return _account(found) if right and found and found["password"] and not found["disabled"] else None

    def account_by_subject(self, subject: str) -> Account | None:
        with self.reading() as connection:
            found = _row(connection, accounts.c.subject == subject)
        return _account(found) if found else None

    def account_by_email(self, email: str) -> Account | None:
        with self.reading() as connection:
            found = _row(connection, accounts.c.email == email.strip().lower())
        return _account(found) if found else None


def _fresh(**fields: Any) -> dict[str, Any]:
    return {"owner": False, "disabled": False, "epoch": 0, "created_at": now(), **fields}


def _name(name: str) -> str:
    name = " ".join(name.split())
    if not 0 < len(name) <= LONGEST_NAME or not name.isprintable():
        raise InvalidData(
            f"An account's name has 1 to {LONGEST_NAME} printable characters.", "Choose another name."
        )
    return name


def _hashed(password: str) -> str:
    if not SHORTEST_PASSWORD <= len(password) <= LONGEST_PASSWORD:
        raise InvalidData(
            f"A password has {SHORTEST_PASSWORD} to {LONGEST_PASSWORD} characters.",
            "A few words in a row are easy to remember.",
        )
    from argon2 import PasswordHasher

    return PasswordHasher().hash(password)


def _verified(kept: str, password: str) -> bool:
    from argon2 import PasswordHasher
    from argon2.exceptions import InvalidHashError, VerificationError

    try:
        return PasswordHasher().verify(kept, password)
    except (VerificationError, InvalidHashError):
        return False


def _taken(name: str) -> InvalidData:
    return InvalidData(f"The name '{name}' or the e-mail address is taken.", "Choose another one.")


def _row(connection: Connection, condition: Any) -> dict[str, Any] | None:
    row = connection.execute(select(accounts).where(condition)).mappings().first()
    return dict(row) if row else None


def _found(connection: Connection, account_id: str) -> dict[str, Any]:
    row = _row(connection, accounts.c.id == account_id)
    if row is None:
        raise NotFound(f"There is no account '{account_id}'.", "The profile page lists the users.")
    return row


def _account(row: dict[str, Any]) -> Account:
    password = row.pop("password")
    return Account(has_password=bool(password), **row)
