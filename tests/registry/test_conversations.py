"""Saved conversations: of one account with one model, kept apart from everybody else's."""

from collections.abc import Callable
from datetime import timedelta

import pytest

from errors import InvalidData, NotFound
from records import ChatOptions
from registry import Registry
from registry.conversations import ChatSettings, Conversation

ACT = [
    lambda registry, account, key: registry.conversation(account, key),
    lambda registry, account, key: registry.add_turn(account, key, "user", "x"),
    lambda registry, account, key: registry.drop_answer(account, key),
    lambda registry, account, key: registry.set_chat(account, key, ChatSettings()),
    lambda registry, account, key: registry.rename_conversation(account, key, "x"),
    lambda registry, account, key: registry.delete_conversation(account, key),
    lambda registry, account, key: registry.restore_conversation(account, key),
]


@pytest.fixture
def talk(registry: Registry) -> Conversation:
    started = registry.start_conversation("anna", "model-1", "Where is my parcel?")
    registry.add_turn("anna", started.id, "user", "Where is my parcel?")
    registry.add_turn("anna", started.id, "assistant", "delivery", "I am sorry")
    return started


def test_turns_are_kept_in_order(registry: Registry, talk: Conversation) -> None:
    turns = registry.conversation("anna", talk.id).turns
    assert [(turn.position, turn.role, turn.content) for turn in turns] == [
        (1, "user", "Where is my parcel?"),
        (2, "assistant", "delivery"),
    ]


def test_each_side_of_a_comparison_has_its_own_dialogue(registry: Registry, talk: Conversation) -> None:
    kept = registry.conversation("anna", talk.id)
    assert [message.content for message in kept.messages()] == ["Where is my parcel?", "delivery"]
    assert [message.content for message in kept.messages(of_base=True)] == [
        "Where is my parcel?",
        "I am sorry",
    ]


def test_the_last_used_comes_first(registry: Registry, talk: Conversation) -> None:
    later = registry.start_conversation("anna", "model-1", "Later")
    assert [one.id for one in registry.conversations("anna", "model-1")] == [later.id, talk.id]
    registry.add_turn("anna", talk.id, "user", "And?")
    assert [one.id for one in registry.conversations("anna", "model-1")] == [talk.id, later.id]


def test_a_conversation_belongs_to_its_model(registry: Registry, talk: Conversation) -> None:
    assert registry.conversations("anna", "model-2") == []


@pytest.mark.parametrize("act", ACT)
def test_another_account_s_conversation_is_not_found(
    registry: Registry, talk: Conversation, act: Callable[..., object]
) -> None:
    with pytest.raises(NotFound):
        act(registry, "ben", talk.id)
    assert registry.conversations("ben", "model-1") == []
    assert registry.conversation("anna", talk.id).title == "Where is my parcel?"


def test_an_answer_can_be_taken_back_and_a_question_cannot(registry: Registry, talk: Conversation) -> None:
    assert len(registry.drop_answer("anna", talk.id).turns) == 1
    assert len(registry.drop_answer("anna", talk.id).turns) == 1
    registry.add_turn("anna", talk.id, "assistant", "returns")
    assert [turn.content for turn in registry.conversation("anna", talk.id).turns][1:] == ["returns"]


def test_settings_stay_with_the_conversation(registry: Registry, talk: Conversation) -> None:
    chosen = ChatSettings(
        system="Be brief.", options=ChatOptions(temperature=0.5, max_tokens=9), compare=True
    )
    registry.set_chat("anna", talk.id, chosen)
    assert registry.conversation("anna", talk.id).settings == chosen


def test_a_long_first_message_becomes_a_short_title(registry: Registry) -> None:
    started = registry.start_conversation("anna", "model-1", "word " * 100)
    assert len(started.title) < 70
    assert started.title.endswith(" …")


@pytest.mark.parametrize("title", ["", "  \n ", "x" * 101])
def test_a_title_that_cannot_be_is_refused(registry: Registry, talk: Conversation, title: str) -> None:
    with pytest.raises(InvalidData):
        registry.rename_conversation("anna", talk.id, title)


def test_a_deletion_is_taken_back_until_it_is_purged(registry: Registry, talk: Conversation) -> None:
    registry.delete_conversation("anna", talk.id)
    assert registry.conversations("anna", "model-1") == []
    assert registry.purge_conversations() == 0
    registry.restore_conversation("anna", talk.id)
    assert len(registry.conversation("anna", talk.id).turns) == 2
    registry.delete_conversation("anna", talk.id)
    assert registry.purge_conversations(timedelta(0)) == 1
    with pytest.raises(NotFound):
        registry.restore_conversation("anna", talk.id)
