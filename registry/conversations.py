"""Conversations of the chat page, of one account with one model: saved as they go, and resumed."""

from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

from pydantic import Field
from sqlalchemy import ColumnElement, Connection, delete, func, select

from errors import InvalidData, NotFound
from records import ChatOptions, Message, Record, Role, now
from registry.database import Database
from registry.tables import conversation_turns, conversations

LONGEST_TITLE = 100
SHOWN_TITLE = 60
UNDO = timedelta(minutes=10)


class ChatSettings(Record):
    """How the person set the chat. No system message means the one that the model learned with."""

    system: str | None = None
    options: ChatOptions = ChatOptions()
    remember: bool = Field(True, description="earlier messages go along with each new one")
    compare: bool = Field(False, description="the base model answers beside the tuned one")


class Turn(Record):
    """`base_content` is what the base model said in place of `content`, when both were asked."""

    position: int
    role: Role
    content: str
    base_content: str | None = None
    created_at: datetime


class Conversation(Record):
    id: str
    account_id: str
    model_id: str
    title: str
    settings: ChatSettings
    created_at: datetime
    updated_at: datetime
    turns: tuple[Turn, ...] = ()

    def messages(self, of_base: bool = False) -> list[Message]:
        """The dialogue as the tuned model, or the base model, had it."""
        return [
            Message(role=turn.role, content=(turn.base_content if of_base else None) or turn.content)
            for turn in self.turns
        ]


class Conversations(Database):
    def start_conversation(
        self, account_id: str, model_id: str, title: str, settings: ChatSettings | None = None
    ) -> Conversation:
        """`title` is the first message; what is shown is its beginning."""
        moment = now()
        started = Conversation(
            id=f"conversation-{uuid4().hex[:16]}",
            account_id=account_id,
            model_id=model_id,
            title=shortened(title),
            settings=settings or ChatSettings(),
            created_at=moment,
            updated_at=moment,
        )
        with self.writing() as connection:
            fields = started.model_dump(exclude={"turns", "settings"})
            connection.execute(
                conversations.insert().values(**fields, settings=started.settings.model_dump_json())
            )
        return started

    def conversations(self, account_id: str, model_id: str) -> list[Conversation]:
        """Those with the model, the last used first, without their turns."""
        columns = conversations.c
        query = (
            select(conversations)
            .where(
                columns.account_id == account_id, columns.model_id == model_id, columns.deleted_at.is_(None)
            )
            .order_by(columns.updated_at.desc(), columns.id)
        )
        with self.reading() as connection:
            return [_conversation(row) for row in connection.execute(query).mappings()]

    def conversation(self, account_id: str, conversation_id: str) -> Conversation:
        """With its turns. Raises NotFound, also for another account's."""
        with self.reading() as connection:
            return _whole(connection, account_id, conversation_id)

    def add_turn(
        self, account_id: str, conversation_id: str, role: Role, content: str, base_content: str | None = None
    ) -> Turn:
        """Append what was said. Raises NotFound."""
        with self.writing() as connection:
            _found(connection, account_id, conversation_id)
            last = select(func.max(conversation_turns.c.position)).where(
                conversation_turns.c.conversation_id == conversation_id
            )
            turn = Turn(
                position=(connection.execute(last).scalar() or 0) + 1,
                role=role,
                content=content,
                base_content=base_content,
                created_at=now(),
            )
            connection.execute(
                conversation_turns.insert().values(conversation_id=conversation_id, **turn.model_dump())
            )
            _change(connection, conversation_id, updated_at=turn.created_at)
        return turn

    def drop_answer(self, account_id: str, conversation_id: str) -> Conversation:
        """Take back the last answer, so that it can be given anew. Raises NotFound."""
        with self.writing() as connection:
            whole = _whole(connection, account_id, conversation_id)
            if whole.turns and whole.turns[-1].role == "assistant":
                columns = conversation_turns.c
                here = (columns.conversation_id == conversation_id, columns.position == len(whole.turns))
                connection.execute(delete(conversation_turns).where(*here))
                whole = whole.but(turns=whole.turns[:-1])
        return whole

    def set_chat(self, account_id: str, conversation_id: str, settings: ChatSettings) -> None:
        """Raises NotFound."""
        with self.writing() as connection:
            _found(connection, account_id, conversation_id)
            _change(connection, conversation_id, settings=settings.model_dump_json())

    def rename_conversation(self, account_id: str, conversation_id: str, title: str) -> Conversation:
        """Raises NotFound, and InvalidData for a title that is empty or over 100 characters."""
        title = " ".join(title.split())
        if not 0 < len(title) <= LONGEST_TITLE:
            raise InvalidData(f"A title has 1 to {LONGEST_TITLE} characters.", "Choose a shorter one.")
        with self.writing() as connection:
            found = _found(connection, account_id, conversation_id)
            _change(connection, conversation_id, title=title)
        return found.but(title=title)

    def delete_conversation(self, account_id: str, conversation_id: str) -> Conversation:
        """Off the list at once; `restore_conversation` brings it back until `purge_conversations`."""
        with self.writing() as connection:
            found = _found(connection, account_id, conversation_id)
            _change(connection, conversation_id, deleted_at=now())
        return found

    def restore_conversation(self, account_id: str, conversation_id: str) -> Conversation:
        """Raises NotFound once it is purged."""
        with self.writing() as connection:
            found = _found(connection, account_id, conversation_id, deleted=True)
            _change(connection, conversation_id, deleted_at=None)
        return found

    def purge_conversations(self, kept: timedelta = UNDO) -> int:
        """Remove for good what was deleted longer ago than `kept`; returns how many."""
        with self.writing() as connection:
            old = conversations.c.deleted_at < now() - kept
            ids = select(conversations.c.id).where(old)
            connection.execute(
                delete(conversation_turns).where(conversation_turns.c.conversation_id.in_(ids))
            )
            return int(connection.execute(delete(conversations).where(old)).rowcount)


def shortened(text: str, length: int = SHOWN_TITLE) -> str:
    text = " ".join(text.split()) or "New conversation"
    return text if len(text) <= length else f"{text[:length].rsplit(' ', 1)[0]} …"


def _conversation(row: Any) -> Conversation:
    fields = {name: row[name] for name in Conversation.model_fields if name not in ("turns", "settings")}
    return Conversation(**fields, settings=ChatSettings.model_validate_json(row["settings"]))


def _found(
    connection: Connection, account_id: str, conversation_id: str, deleted: bool = False
) -> Conversation:
    columns = conversations.c
    shown: ColumnElement[bool] = columns.deleted_at.is_not(None) if deleted else columns.deleted_at.is_(None)
    query = select(conversations).where(
        columns.id == conversation_id, columns.account_id == account_id, shown
    )
    row = connection.execute(query).mappings().first()
    if row is None:
        raise NotFound("There is no such conversation.", "It may have been deleted; start a new one.")
    return _conversation(row)


def _whole(connection: Connection, account_id: str, conversation_id: str) -> Conversation:
    found = _found(connection, account_id, conversation_id)
    names = [conversation_turns.c[name] for name in Turn.model_fields]
    query = (
        select(*names)
        .where(conversation_turns.c.conversation_id == conversation_id)
        .order_by(conversation_turns.c.position)
    )
    turns = tuple(Turn(**row) for row in connection.execute(query).mappings())
    return found.but(turns=turns)


def _change(connection: Connection, conversation_id: str, **values: Any) -> None:
    connection.execute(conversations.update().where(conversations.c.id == conversation_id).values(**values))
