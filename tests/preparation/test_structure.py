import hashlib
import json
from pathlib import Path

import pytest

from errors import InvalidData, NotEnoughData
from preparation import rowfile
from preparation.clean import clean
from preparation.structure import structure
from records import Dataset, FileReport, Rows, content_id

PLACES = ["quay", "depot", "market", "mill", "bridge", "tower", "garden", "station", "school", "harbour"]
PROSE = "The ferry to the {0} leaves at {1}. Who misses it walks to the {0}, which takes {1} minutes or so. "


def tickets(new, count: int = 60, uri: str = "/data/tickets.csv") -> list:
    texts = [
        f"Parcel {n} to the {PLACES[n % 10]} {PLACES[n // 10 % 10]} is missing since day {n * 7}"
        for n in range(count)
    ]
    return [
        new.record(n, text=text, queue="abc"[n % 3], id=str(n), uri=uri) for n, text in enumerate(texts, 1)
    ]


def questions(new, count: int = 30, uri: str = "/data/faq.jsonl") -> list:
    return [
        new.record(
            n,
            question=f"When does ferry {n} leave the {PLACES[n % 10]}?",
            answer=f"At {n} o'clock, pier {n * 3}.",
            uri=uri,
        )
        for n in range(1, count + 1)
    ]


def manual(new, sections: int = 12, uri: str = "/data/manual.md") -> list:
    return [
        new.section(n * 10, PROSE.format(PLACES[n % 10], n) * 3, "Manual", f"Walking to stop {n}", uri=uri)
        for n in range(1, sections + 1)
    ]


def rules(dataset: Dataset) -> dict[str, str]:
    return {finding.rule: finding.message for finding in dataset.report.findings}


def test_labelled_rows_become_classification(make_rows, new, tmp_path: Path, examples) -> None:
    dataset = structure(make_rows(tickets(new)), tmp_path / "out", use_case="Route tickets.")
    assert dataset.kind == "classify"
    train = examples(dataset)
    assert {message["content"] for example in train for message in example[:1]} == {
        "Route tickets.\n\nAnswer with one of: a, b, c."
    }
    assert [message["role"] for message in train[0]] == ["system", "user", "assistant"]
    assert dataset.report.labels == {"a": 20, "b": 20, "c": 20}
    assert (dataset.report.train, dataset.report.holdout, dataset.report.examples) == (54, 6, 60)
    assert {example[-1]["content"] for example in examples(dataset, "holdout")} == {"a", "b", "c"}
    assert "“queue” is the label, “text” the input" in rules(dataset)["columns"]
    assert "“id” (an id)" in rules(dataset)["columns"]


def test_pairs_become_chat_under_the_use_case(make_rows, new, tmp_path: Path, examples) -> None:
    dataset = structure(make_rows(questions(new)), tmp_path / "out", use_case="Help passengers.")
    assert dataset.kind == "chat"
    system, user, assistant = examples(dataset)[0]
    assert system == {"role": "system", "content": "Help passengers."}
    assert user["content"].startswith("When does ferry")
    assert assistant["content"].startswith("At ")


def test_several_input_columns_are_named_and_instruction_with_input_is_not(
    make_rows, new, tmp_path: Path, examples
) -> None:
    rows = [
        new.record(
            n,
            subject=f"Ferry {n}",
            body=f"When does it go to the {PLACES[n]}, please?",
            reply=f"At {n}, as always.",
        )
        for n in range(5)
    ]
    rows += [
        new.record(
            n,
            instruction=f"Sum up note {n}.",
            input="A long note.",
            output=f"Short {n}.",
            uri="/data/i.jsonl",
        )
        for n in range(5)
    ]
    dataset = structure(make_rows(rows), tmp_path / "out", use_case="Help.")
    asked = {example[1]["content"] for example in examples(dataset)}
    assert "Subject: Ferry 3\nBody: When does it go to the mill, please?" in asked
    assert "Sum up note 3.\n\nA long note." in asked


def test_lines_are_exactly_messages_with_role_and_content(make_rows, new, tmp_path: Path) -> None:
    rows = [new.dialogue(n, ("user", f"Grüße {n}"), ("assistant", "Hallo “du”")) for n in range(12)]
    dataset = structure(make_rows(rows), tmp_path / "out", use_case="Help.", kind="chat")
    line = Path(dataset.train_uri).read_bytes().split(b"\n")[0].decode()
    number = json.loads(line)["messages"][1]["content"][-2:].strip()
    assert line == (
        '{"messages":[{"role":"system","content":"Help."},{"role":"user","content":"Grüße '
        + number
        + '"},{"role":"assistant","content":"Hallo “du”"}]}'
    )


def test_the_id_is_the_hash_of_what_is_written(make_rows, new, tmp_path: Path) -> None:
    dataset = structure(make_rows(tickets(new)), tmp_path / "out", use_case="Route.")
    digests = [
        hashlib.sha256(Path(uri).read_bytes()).hexdigest() for uri in (dataset.train_uri, dataset.holdout_uri)
    ]
    assert dataset.id == content_id("ds", *digests, "Route.", "classify")


def test_lineage_tells_the_sources_of_each_line_in_order(make_rows, new, tmp_path: Path, examples) -> None:
    rows = tickets(new)
    dataset = structure(make_rows(rows), tmp_path / "out", use_case="Route.")
    by_place = {row.source.row: row for row in rows}
    lineage = [json.loads(line) for line in Path(dataset.lineage_uri).read_text("utf-8").splitlines()]
    assert [(entry["split"], entry["line"]) for entry in lineage] == [
        *(("train", n) for n in range(1, 55)),
        *(("holdout", n) for n in range(1, 7)),
    ]
    for entry, example in zip(lineage, [*examples(dataset), *examples(dataset, "holdout")], strict=True):
        row = by_place[entry["sources"][0]["row"]]
        assert entry == {
            "split": entry["split"],
            "line": entry["line"],
            "kind": "classify",
            "sources": [{"uri": "/data/tickets.csv", "row": row.source.row}],
            "label": row.fields["queue"],
        }
        assert example[1]["content"] == row.fields["text"]


def test_folders_and_the_order_of_sources_change_nothing(make_rows, new, tmp_path: Path) -> None:
    made = []
    for number, (base, order) in enumerate([("/home/a", 1), ("/mnt/elsewhere/b", -1)]):
        files = [
            tickets(new, uri=f"{base}/tickets.csv"),
            manual(new, uri=f"{base}/manual.md"),
            questions(new, uri=f"{base}/faq.jsonl"),
        ]
        rows = make_rows([row for file in files[::order] for row in file], f"in-{number}")
        cleaned = clean(rows, tmp_path / f"clean-{number}")
        for kind in ("auto", "chat", "style", "reference"):
            made.append(structure(cleaned, tmp_path / f"out-{number}-{kind}", use_case="Help.", kind=kind))
    for one, other in zip(made[:4], made[4:], strict=True):
        assert one.id == other.id
        for name in ("train_uri", "holdout_uri"):
            assert Path(getattr(one, name)).read_bytes() == Path(getattr(other, name)).read_bytes()
            assert b"/home/a" not in Path(getattr(one, name)).read_bytes()


def test_the_seed_moves_examples_and_nothing_else(make_rows, new, tmp_path: Path, examples) -> None:
    rows = make_rows(tickets(new))
    one = structure(rows, tmp_path / "1", use_case="Route.", seed=1)
    two = structure(rows, tmp_path / "2", use_case="Route.", seed=2)
    assert one.id != two.id

    def everything(dataset: Dataset) -> list[str]:
        return sorted(
            json.dumps(example) for split in ("train", "holdout") for example in examples(dataset, split)
        )

    assert everything(one) == everything(two)


def test_near_duplicates_stay_on_one_side(make_rows, new, tmp_path: Path, examples) -> None:
    long = "the boat that goes from the {} to the island and back again before the shops have closed at night"
    rows = [
        new.record(
            n * 10 + k,
            question=f"{long.format(PLACES[n % 10] * (1 + n // 10))} {'ab'[k]}",
            answer=f"Boat {n} it is.",
        )
        for n in range(40)
        for k in range(2)
    ]
    dataset = structure(make_rows(rows), tmp_path / "out", use_case="Help.", kind="chat", holdout=0.3)
    train, held = (
        {example[1]["content"][:-1] for example in examples(dataset, split)} for split in ("train", "holdout")
    )
    assert held
    assert not train & held
    assert dataset.report.overlap == 0.0


def test_texts_with_contradicting_labels_are_reported(make_rows, new, tmp_path: Path) -> None:
    rows = [*tickets(new), new.record(99, text=tickets(new)[4].fields["text"], queue="a", id="99")]
    dataset = structure(make_rows(rows), tmp_path / "out", use_case="Route.")
    (finding,) = [finding for finding in dataset.report.findings if finding.rule == "contradicting labels"]
    assert (finding.severity, finding.count) == ("warning", 1)
    assert {source.row for source in finding.sources} == {5, 99}
    assert dataset.report.examples == 61


def test_questions_with_several_answers_are_reported(make_rows, new, tmp_path: Path) -> None:
    rows = questions(new)
    rows.append(new.record(99, question=rows[4].fields["question"], answer="Never.", uri="/data/faq.jsonl"))
    dataset = structure(make_rows(rows), tmp_path / "out", use_case="Help.")
    assert rules(dataset)["several answers"].endswith("answer it otherwise: faq.jsonl (rows 5, 99).")
    assert dataset.report.examples == 31


def test_a_column_that_was_named_and_holds_no_labels_is_told_as_such(make_rows, new, tmp_path: Path) -> None:
    with pytest.raises(InvalidData, match="column “answer” are no labels") as caught:
        structure(make_rows(questions(new)), tmp_path, use_case="Help.", kind="classify", label="answer")
    assert "Leave the kind to auto" in caught.value.hint
    assert "question" in caught.value.hint


def test_spellings_of_a_label_become_one(make_rows, new, tmp_path: Path) -> None:
    rows = tickets(new)
    rows[2] = new.record(3, text=rows[2].fields["text"], queue=" A", id="3")
    dataset = structure(make_rows(rows), tmp_path / "out", use_case="Route.")
    assert dataset.report.labels == {"a": 20, "b": 20, "c": 20}
    assert "“A” → “a”" in rules(dataset)["labels respelt"]


def test_the_same_example_twice_is_dropped(make_rows, new, tmp_path: Path) -> None:
    rows = [
        *questions(new),
        new.record(
            99,
            prompt=questions(new)[0].fields["question"],
            completion="At 1 o'clock, pier 3.",
            uri="/data/b.csv",
        ),
    ]
    dataset = structure(make_rows(rows), tmp_path / "out", use_case="Help.")
    assert dataset.report.dropped == {"duplicate": 1}


def test_empty_answers_are_dropped_and_their_lines_named(make_rows, new, tmp_path: Path, drops) -> None:
    rows = questions(new)
    rows[2] = new.record(3, question="When does the ferry go?", answer=" ", uri="/data/faq.jsonl")
    rows[6] = new.record(7, question="And the next one?", uri="/data/faq.jsonl")
    dataset = structure(make_rows(rows), tmp_path / "out", use_case="Help.")
    (finding,) = [finding for finding in dataset.report.findings if finding.rule == "empty answers"]
    assert finding.message == "2 answers are empty: faq.jsonl (rows 3, 7)."
    assert dataset.report.dropped == {"empty answer": 2}
    assert drops(dataset.drops_uri) == [
        ("empty answer", "When does the ferry go?"),
        ("empty answer", "And the next one?"),
    ]


@pytest.mark.parametrize("shape", ["pairs", "dialogues"])
def test_answers_that_are_all_empty_are_not_enough_data(make_rows, new, tmp_path: Path, shape: str) -> None:
    rows = [
        new.record(n, uri="/data/faq.jsonl", prompt=f"Question {n}?", completion="")
        if shape == "pairs"
        else new.dialogue(n, ("user", f"Question {n}?"), ("assistant", ""), uri="/data/faq.jsonl")
        for n in range(1, 26)
    ]
    with pytest.raises(NotEnoughData) as caught:
        structure(make_rows(rows), tmp_path / "out", use_case="Help.")
    unit = "rows" if shape == "pairs" else "lines"
    assert caught.value.message.startswith(
        f"Not enough data: all 25 answers are empty, at faq.jsonl ({unit} 1, 2, 3,"
    )
    assert caught.value.report and caught.value.report.dropped == {"empty answer": 25}


def test_five_examples_pass(make_rows, new, tmp_path: Path) -> None:
    dataset = structure(make_rows(tickets(new, 5)), tmp_path / "out", use_case="Route.")
    assert (dataset.report.train, dataset.report.holdout) == (5, 0)
    assert Path(dataset.holdout_uri).read_bytes() == b""


def test_nothing_at_all_is_not_enough_data(make_rows, tmp_path: Path) -> None:
    with pytest.raises(NotEnoughData, match="Not enough data: no example"):
        structure(make_rows([]), tmp_path / "out", use_case="Help.")
    assert not list((tmp_path / "out").glob("*.jsonl"))


def test_files_that_held_nothing_are_named_with_the_reason(make_rows, tmp_path: Path) -> None:
    file = FileReport(uri="/data/a.pdf", name="a.pdf", used=False, reason="The PDF is damaged.")
    with pytest.raises(NotEnoughData) as caught:
        structure(make_rows([]).but(files=(file,)), tmp_path / "out", use_case="Help.")
    assert caught.value.message == (
        "Not enough data: no example could be made of the files: they hold no text that can be read. "
        "Files not used: a.pdf (The PDF is damaged)."
    )


def test_a_kind_that_the_data_cannot_give_is_invalid_data(make_rows, new, tmp_path: Path) -> None:
    with pytest.raises(InvalidData) as caught:
        structure(make_rows(questions(new)), tmp_path / "out", use_case="Help.", kind="classify")
    assert "question, answer" in caught.value.hint
    plain = [new.section(1, PROSE.format("quay", 3) * 3, uri="/data/a.txt")]
    with pytest.raises(InvalidData, match="reference"):
        structure(make_rows(plain), tmp_path / "out", use_case="Help.", kind="reference")


def test_an_unknown_label_is_invalid_data(make_rows, new, tmp_path: Path) -> None:
    with pytest.raises(InvalidData, match="no column 'topic'"):
        structure(make_rows(tickets(new)), tmp_path / "out", use_case="Help.", label="topic")


def test_an_answer_column_can_be_named(make_rows, new, tmp_path: Path, examples) -> None:
    rows = [
        new.record(n, text=f"Where is parcel {n}?", note=f"It lies at the {PLACES[n]} depot, shelf {n}.")
        for n in range(10)
    ]
    dataset = structure(make_rows(rows), tmp_path / "out", use_case="Help.", label="note")
    assert dataset.kind == "chat"
    assert {example[2]["content"] for example in examples(dataset)} == {row.fields["note"] for row in rows}


def test_documents_become_style_or_reference(make_rows, new, tmp_path: Path, examples) -> None:
    rows = make_rows(manual(new))
    style = structure(rows, tmp_path / "s", use_case="Write in the voice of our manual")
    reference = structure(rows, tmp_path / "r", use_case="Answer passengers' questions")
    assert (style.kind, reference.kind) == ("style", "reference")
    for dataset, question in (
        (style, "Write the section “Walking to stop 3” of “Manual”."),
        (reference, "How do I walk to stop 3?"),
    ):
        made = [*examples(dataset), *examples(dataset, "holdout")]
        assert question in {example[1]["content"] for example in made}
    assert "voice" in style.report.kind_reason
    assert style.report.holdout == 1


def test_a_mixed_folder_makes_one_kind_of_what_fits(make_rows, new, tmp_path: Path) -> None:
    rows = make_rows([*questions(new), *manual(new, 3), *tickets(new, 6)])
    dataset = structure(rows, tmp_path / "out", use_case="Answer passengers")
    assert dataset.kind == "chat"
    assert dataset.report.examples == 30 + 3 + 6
    assert all(file.used for file in dataset.report.files)


def test_files_that_gave_nothing_say_why(make_rows, new, tmp_path: Path) -> None:
    rows = make_rows([*tickets(new), *manual(new, 2)])
    dataset = structure(rows, tmp_path / "out", use_case="Route.")
    unused = [file for file in dataset.report.files if not file.used]
    assert [(file.name, file.reason) for file in unused] == [
        ("manual.md", "No example could be made of it: no label.")
    ]
    assert dataset.report.dropped == {"no label": 2}
    assert "no label (2)" in rules(dataset)["no example"]


def test_dialogues_with_few_answers_can_be_classified(make_rows, new, tmp_path: Path, examples) -> None:
    rows = [
        new.dialogue(n, ("user", f"Where is parcel {n}?"), ("assistant", ("late", "Late", "lost")[n % 3]))
        for n in range(30)
    ]
    dataset = structure(make_rows(rows), tmp_path / "out", use_case="Sort messages.")
    assert dataset.kind == "classify"
    assert len({example[-1]["content"] for example in examples(dataset)}) == 2


def test_earlier_drops_and_findings_are_carried_along(make_rows, new, tmp_path: Path, drops) -> None:
    earlier = list(rowfile.read_drops(make_rows([], "x", [_drop("broken")]).drops_uri))
    dataset = structure(make_rows(tickets(new), "in", earlier), tmp_path / "out", use_case="Route.")
    assert dataset.report.dropped == {"broken": 1}
    assert drops(dataset.drops_uri) == [("broken", "x")]
    assert dataset.report.rows_in == 60


def _drop(reason: str):
    from records import Drop, Source

    return Drop(source=Source(uri="/data/a.csv", row=1), reason=reason, excerpt="x")


def held_out(rows: Rows, *uris: str) -> Rows:
    return rows.but(files=tuple(file.but(held=file.uri in uris) for file in rows.files))


def test_the_examples_of_held_files_are_the_holdout(make_rows, new, tmp_path: Path, examples) -> None:
    given = questions(new, 6, uri="/data/measure.jsonl")
    rows = questions(new, 40)[6:] + given
    dataset = structure(
        held_out(make_rows(rows), "/data/measure.jsonl"), tmp_path / "out", use_case="Help.", holdout=0.4
    )
    assert (dataset.report.train, dataset.report.holdout) == (34, 6)
    asked = {example[1]["content"] for example in examples(dataset, "holdout")}
    assert asked == {row.fields["question"] for row in given}
    assert [file.held for file in dataset.report.files] == [False, True]


def test_what_resembles_a_held_example_or_asks_the_same_is_not_trained_on(
    make_rows, new, tmp_path: Path, examples
) -> None:
    measure, learn = "/data/measure.jsonl", questions(new, 40)
    asked_too = new.record(1, question=learn[0].fields["question"], answer="Ask at the pier.", uri=measure)
    long = "The crate with the green lid goes by the morning ferry to the island, then by cart to the school"
    alike = new.record(2, question=f"{long} today?", answer="Yes, before noon.", uri=measure)
    twin = new.record(41, question=f"{long}?", answer="Yes, before noon.", uri="/data/faq.jsonl")
    rows = held_out(make_rows([*learn, twin, asked_too, alike]), measure)
    dataset = structure(rows, tmp_path / "out", use_case="Help.")
    assert (dataset.report.train, dataset.report.holdout, dataset.report.overlap) == (39, 2, 0.0)
    assert dataset.report.examples == 41
    assert dataset.report.dropped["like a held-out example"] == 2
    drops = [json.loads(line) for line in Path(dataset.drops_uri).read_text().splitlines()]
    assert [drop["source"]["row"] for drop in drops] == [1, 41]


def test_held_files_without_an_example_stop_the_job(make_rows, new, tmp_path: Path) -> None:
    empty = new.record(1, text="A parcel", queue="", id="1", uri="/data/measure.csv")
    rows = held_out(make_rows([*tickets(new), empty]), "/data/measure.csv")
    with pytest.raises(NotEnoughData, match="held out") as caught:
        structure(rows, tmp_path / "out", use_case="Route tickets.")
    assert not caught.value.report.ok


def test_a_use_case_of_labels_without_any_is_warned_of(make_rows, new, tmp_path: Path) -> None:
    texts = [PROSE.format(PLACES[n % 10], n) * 2 for n in range(20)]
    rows = [new.record(n, text=text, label="ferry") for n, text in enumerate(texts, 1)]
    dataset = structure(make_rows(rows), tmp_path / "out", use_case="Sort mail by department")
    assert "“label” is the same in all rows" in rules(dataset)["no labels"]
    written = structure(make_rows(rows), tmp_path / "other", use_case="Write in our voice")
    assert "no labels" not in rules(written)


def test_labels_whose_texts_come_from_one_mould_each_are_held_out(make_rows, new, tmp_path: Path) -> None:
    moulds = [
        "購入した品物{}を返品したいのですが手続きを教えてください",
        "請求書{}の金額が間違っています直してください",
    ]
    marks = [f"{one}{other}" for one in "東西南北中大小高" for other in "川山海空森"]
    rows = [
        new.record(n, text=moulds[n % 2].format(mark * 2), label="ab"[n % 2]) for n, mark in enumerate(marks)
    ]
    dataset = structure(make_rows(rows), tmp_path / "out", use_case="Sort mail by department")
    assert dataset.report.labels == {"a": 20, "b": 20}
    assert dataset.report.holdout > 0


def test_answers_of_every_shape_in_a_file_are_kept(make_rows, new, tmp_path: Path, examples) -> None:
    rows = [
        new.record(n, **{asked: f"Where is parcel {n}?", told: f"At depot {n}."})
        for n, (asked, told) in enumerate([("question", "answer"), ("prompt", "completion")] * 6)
    ]
    dataset = structure(make_rows(rows), tmp_path / "out", use_case="Help", holdout=0)
    assert {(example[1]["content"], example[2]["content"]) for example in examples(dataset)} == {
        (f"Where is parcel {n}?", f"At depot {n}.") for n in range(12)
    }


def test_what_a_program_writes_for_no_label_gives_no_example(make_rows, new, tmp_path: Path) -> None:
    rows = [row.model_copy(update={"fields": {**row.fields, "queue": "NaN"}}) for row in tickets(new, 9)]
    dataset = structure(
        make_rows([*tickets(new, 60)[9:], *rows]), tmp_path / "out", use_case="Route tickets."
    )
    assert set(dataset.report.labels) == {"a", "b", "c"}
    assert dataset.report.dropped == {"empty answer": 9}
