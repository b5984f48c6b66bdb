from preparation.turns import Draft, of_dialogue
from records import Message, Source

HERE = Source(uri="/data/a.jsonl", line=1)


def drafted(*turns: tuple[str, str] | tuple[str, str, int]) -> Draft:
    messages = tuple(
        Message.model_validate({"role": role, "content": content, "weight": weight[0] if weight else None})
        for role, content, *weight in turns
    )
    return of_dialogue(messages, (HERE,))


def said(draft: Draft) -> list[tuple[str, str]]:
    return [(turn.role[0], turn.content) for turn in draft.turns]


def test_the_use_case_comes_first_and_the_own_system_message_below() -> None:
    draft = drafted(("system", "Be brief."), ("user", "Hi"), ("assistant", "Hello"))
    assert [m.content for m in draft.messages("Help customers")] == [
        "Help customers\n\nBe brief.",
        "Hi",
        "Hello",
    ]


def test_without_a_use_case_there_is_no_system_message() -> None:
    assert [m.role for m in drafted(("user", "Hi"), ("assistant", "Hello")).messages(" ")] == [
        "user",
        "assistant",
    ]


def test_a_dialogue_ends_with_the_last_answer() -> None:
    assert said(drafted(("user", "Hi"), ("assistant", "Hello"), ("user", "Bye"))) == [
        ("u", "Hi"),
        ("a", "Hello"),
    ]


def test_turns_of_one_speaker_become_one() -> None:
    draft = drafted(
        ("user", "Hi."), ("user", "Are you there?"), ("assistant", "Yes."), ("assistant", "What is it?")
    )
    assert said(draft) == [("u", "Hi.\n\nAre you there?"), ("a", "Yes.\n\nWhat is it?")]


def test_a_greeting_before_the_first_question_goes() -> None:
    draft = drafted(("assistant", "Welcome!"), ("user", "Hi"), ("assistant", "Hello"))
    assert said(draft) == [("u", "Hi"), ("a", "Hello")]


def test_empty_turns_go() -> None:
    draft = drafted(("user", "Hi"), ("assistant", " "), ("user", "Hello?"), ("assistant", "Yes"))
    assert said(draft) == [("u", "Hi\n\nHello?"), ("a", "Yes")]


def test_weights_are_kept_and_not_merged_away() -> None:
    draft = drafted(("user", "a"), ("assistant", "b", 0), ("user", "c"), ("assistant", "d", 1))
    assert [turn.weight for turn in draft.turns] == [None, 0, None, 1]


def test_dialogues_without_an_answer_are_refused_with_a_reason() -> None:
    assert drafted(("user", "Hi")).refused == "no answer"
    assert drafted(("user", "Hi"), ("assistant", " ")).refused == "empty answer"
    assert drafted(("user", "Hi"), ("assistant", "No", 0)).refused == "empty answer"
    assert drafted(("assistant", "Welcome!")).refused == "an answer without a question"
    assert drafted(("system", "Be brief.")).refused == "no answer"
