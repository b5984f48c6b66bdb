import pytest

from errors import InvalidData
from preparation.tables.columns import Table, grouped
from preparation.tables.roles import roles_of, unknown_label

LABELS = ["billing", "parcels", "returns"]


def table(rows: int, **columns: object) -> Table:
    """A column is given by a function of the row's number, or a text with {} in it."""
    made = Table()
    for n in range(rows):
        made.add({name: what(n) if callable(what) else str(what).format(n) for name, what in columns.items()})
    return made


def label(n: int) -> str:
    return LABELS[n % 3]


MESSAGE = "My parcel number {} has not come yet, where is it?"
REPLY = "We are sorry to hear that; parcel {} will be with you tomorrow."


@pytest.mark.parametrize(
    ("names", "inputs", "target"),
    [
        (("question", "answer"), ("question",), "answer"),
        (("Prompt", "Completion"), ("Prompt",), "Completion"),
        (("query", "response"), ("query",), "response"),
        (("user", "assistant"), ("user",), "assistant"),
        (("ticket", "reply"), ("ticket",), "reply"),
        (("Frage", "Antwort"), ("Frage",), "Antwort"),
        (("pregunta", "respuesta"), ("pregunta",), "respuesta"),
        (("question", "réponse"), ("question",), "réponse"),
        (("customerMessage", "agent_response"), ("customerMessage",), "agent_response"),
        (("问题", "答案"), ("问题",), "答案"),
        (("note_one", "note_two"), ("note_one",), "note_two"),
    ],
)
def test_pairs_are_found_by_name_else_by_figures(names, inputs, target) -> None:
    roles = roles_of(table(20, **{names[0]: MESSAGE, names[1]: REPLY}), "Help customers")
    assert (roles.shape, roles.inputs, roles.target) == ("pairs", inputs, target)


def test_instruction_and_input_are_joined_without_their_names() -> None:
    roles = roles_of(table(9, instruction="Sum up letter {}", input=MESSAGE, output=REPLY), "")
    assert (roles.inputs, roles.target, roles.named_inputs) == (("instruction", "input"), "output", False)


def test_subject_and_body_are_named_in_the_input() -> None:
    roles = roles_of(table(9, id="{}", subject="Parcel {} is late", body=MESSAGE, reply=REPLY), "")
    assert (roles.inputs, roles.named_inputs) == (("subject", "body"), True)
    assert roles.left_out == {"id": "an id"}


def test_a_label_is_found_by_name_and_figures() -> None:
    roles = roles_of(table(30, text=MESSAGE, category=label), "Help customers")
    assert (roles.shape, roles.inputs, roles.target) == ("labelled", ("text",), "category")


def test_a_label_without_a_telling_name_is_found_by_figures() -> None:
    roles = roles_of(table(30, words=MESSAGE, zzz=label), "")
    assert (roles.shape, roles.target) == ("labelled", "zzz")


def test_the_best_name_wins_and_the_others_are_told() -> None:
    roles = roles_of(table(30, text=MESSAGE, priority=lambda n: "hl"[n % 2], queue=label), "")
    assert (roles.target, roles.other_labels) == ("queue", ("priority",))


def test_ids_dates_links_and_constants_are_left_out() -> None:
    made = table(
        30,
        ticket_id="T-{}",
        created=lambda n: f"2026-01-{n % 28 + 1:02}",
        url="https://x.org/{}",
        source="mail",
        text=MESSAGE,
        label=label,
    )
    roles = roles_of(made, "")
    assert roles.inputs == ("text",)
    assert roles.left_out == {
        "ticket_id": "an id",
        "created": "a date",
        "url": "a link",
        "source": "the same in all rows",
    }


def test_numbers_are_no_labels_unless_their_name_says_so() -> None:
    assert roles_of(table(30, text=MESSAGE, amount=lambda n: str(n % 3)), "").shape != "labelled"
    assert roles_of(table(30, text=MESSAGE, stars=lambda n: str(n % 5)), "").target == "stars"


def test_answers_that_come_back_are_labels() -> None:
    roles = roles_of(table(30, question=MESSAGE, answer=lambda n: ("yes", "no")[n % 2]), "")
    assert roles.shape == "labelled"


def test_answers_that_are_numbers_are_answers() -> None:
    assert roles_of(table(60, question=MESSAGE, answer=lambda n: str(n % 9)), "").shape == "pairs"


@pytest.mark.parametrize(
    ("use_case", "shape"), [("Route tickets to a queue", "labelled"), ("Answer tickets", "pairs")]
)
def test_with_a_label_and_an_answer_the_use_case_decides(use_case: str, shape: str) -> None:
    assert roles_of(table(30, ticket=MESSAGE, queue=label, reply=REPLY), use_case).shape == shape


def test_the_named_label_overrides_what_was_found() -> None:
    made = table(30, text=MESSAGE, category=label, Team=lambda n: f"team {n % 4}", note=REPLY)
    assert roles_of(made, "", "team").target == "Team"
    assert roles_of(made, "", "note").shape == "pairs"


def test_a_named_label_may_have_a_single_value() -> None:
    assert roles_of(table(30, text=MESSAGE, spam="no"), "", "spam").shape == "labelled"


def test_an_unknown_label_names_the_columns() -> None:
    error = unknown_label("topic", {"a": table(3, text=MESSAGE, category=label)})
    assert isinstance(error, InvalidData)
    assert "topic" in error.message
    assert "text, category" in error.hint


def test_one_column_of_text_is_text() -> None:
    roles = roles_of(table(9, id="{}", title="Day {}", content=MESSAGE), "")
    assert (roles.shape, roles.target, roles.inputs) == ("texts", "content", ("title",))


def test_short_cells_are_facts() -> None:
    made = table(4, Port=lambda n: ["Oslo", "Kiel", "Riga", "Gdynia"][n], Ferries="{}", Berths="1{}")
    assert roles_of(made, "").shape == "facts"


def test_a_small_table_of_short_cells_has_no_label() -> None:
    made = table(6, Team=lambda n: "abc"[n % 3], Cups=lambda n: str(n % 3))
    assert roles_of(made, "").shape == "facts"


def test_an_answer_column_that_is_empty_is_still_the_answer() -> None:
    assert roles_of(table(5, question=MESSAGE, answer=""), "").target == "answer"


def test_five_rows_can_be_labelled() -> None:
    assert roles_of(table(5, text=MESSAGE, label=lambda n: "ab"[n % 2]), "").shape == "labelled"


def test_files_with_the_same_columns_are_read_as_one() -> None:
    shared = grouped([("a", table(2, text=MESSAGE, label=label)), ("b", table(3, label=label, text=MESSAGE))])
    assert shared["a"] is shared["b"]
    assert shared["a"].rows == 5


def test_many_values_are_not_counted_one_by_one() -> None:
    column = table(2500, text=MESSAGE).columns["text"]
    assert column.many
    assert column.values == {}
    assert column.varied == 1.0


def test_an_answer_that_was_not_preferred_is_never_read() -> None:
    roles = roles_of(table(20, chosen=REPLY, rejected=MESSAGE), "Help customers")
    assert "rejected" not in roles.inputs
    assert roles.left_out["rejected"] == "an answer that was not preferred"


def test_an_answer_may_be_called_so_by_one_of_its_words() -> None:
    made = table(40, customer_question=MESSAGE, our_reply=REPLY, lang=lambda n: ("de", "en")[n % 2])
    roles = roles_of(made, "Answer customers")
    assert (roles.shape, roles.inputs, roles.target) == ("pairs", ("customer_question",), "our_reply")
    times = table(40, text=MESSAGE, response_time=lambda n: str(n), queue=label)
    assert roles_of(times, "Answer customers").target == "queue"


def test_whole_numbers_are_labels_where_labels_are_asked_for() -> None:
    made = table(30, sentence=MESSAGE, y=lambda n: str(n % 4), length=lambda n: str(n))
    assert roles_of(made, "Classify sentences").target == "y"
    assert roles_of(made, "Write letters").shape != "labelled"
    two = table(30, sentence=MESSAGE, y=lambda n: str(n % 4), z=lambda n: str(n % 3))
    assert roles_of(two, "Classify sentences").shape != "labelled"


def test_records_of_several_shapes_keep_their_answers() -> None:
    made = Table()
    for n in range(9):
        shape = [("question", "answer"), ("prompt", "completion"), ("instruction", "output")][n % 3]
        made.add({shape[0]: MESSAGE.format(n), shape[1]: REPLY.format(n)})
    roles = roles_of(made, "Help customers")
    assert {roles.target, *roles.also} == {"answer", "completion", "output"}
    assert not roles.left_out
    # one record with two answers: the second is no other one's
    assert roles_of(table(9, question=MESSAGE, answer=REPLY, summary="Short {}"), "").also == ()


def test_a_column_that_names_its_row_is_not_lost() -> None:
    names = ["Tent", "Stove", "Lamp", "Rope", "Axe", "Map"]
    made = table(6, Product=lambda n: names[n], Price="{}.50", Text=f"{MESSAGE} It is light.")
    answering = roles_of(made, "Answer questions about products")
    assert (answering.shape, answering.inputs) == ("facts", ("Product", "Price", "Text"))
    writing = roles_of(made, "In our voice")
    assert (writing.shape, writing.inputs, writing.target) == ("texts", ("Product",), "Text")


def test_the_part_of_a_split_is_no_label() -> None:
    split = ["TRAIN", "TEST", "VALIDATION", "train"]
    roles = roles_of(table(40, column_1=lambda n: split[n % 4], text=MESSAGE, column_3=label), "Sort mail")
    assert (roles.target, roles.inputs) == ("column_3", ("text",))
    assert roles.left_out == {"column_1": "which part of a split a row is of"}


def test_an_answer_that_is_the_same_in_all_rows_is_none() -> None:
    roles = roles_of(table(40, Description=MESSAGE, Resolution="Fixed", Comment=REPLY), "Help customers")
    assert roles.target == "Comment"


def test_letters_for_question_and_answer_are_names_unless_there_are_more_of_them() -> None:
    roles = roles_of(table(20, A=REPLY, Q=MESSAGE), "Help customers")
    assert (roles.inputs, roles.target) == (("Q",), "A")
    roles = roles_of(table(20, q=MESSAGE, a="Choice {} is blue", b="Choice {} is red", answer=label), "")
    assert roles.target == "answer"
