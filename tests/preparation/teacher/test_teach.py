"""A teacher behind a real address, asked by the real client."""

import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from errors import NotConfigured, Unavailable
from preparation.rowfile import read_rows
from preparation.structure import structure
from preparation.teacher.answers import Ask, Reply
from preparation.teacher.teach import teach
from providers.openai.teacher import Endpoint
from providers.patience import Patience
from records import Redaction, Rows, Teacher
from tests.vendors.openai_vendor import OpenAIVendor

USE_CASE = "Answer passengers of the ferry"
FERRY = "The ferry leaves at noon on every working day. It carries bicycles without a charge."
FARES = "A single fare costs four crowns in summer. The office sells tickets until eight in the evening."


def honest(instruction: str, material: str) -> str:
    """Asks about each sentence, and quotes it."""
    assert USE_CASE in instruction
    place = material.partition("\n")[0]
    sentences = re.findall(r"[A-Z][^.\n]+\.", material)
    pairs = [
        {
            "question": f"Of {place}, what is said of {words.split()[1]} {number}?",
            "answer": words,
            "evidence": words,
        }
        for number, words in enumerate(sentences)
    ]
    return json.dumps({"pairs": pairs})


@pytest.fixture
def vendor() -> Iterator[OpenAIVendor]:
    with OpenAIVendor() as vendor:
        vendor.says["professor"] = honest
        yield vendor
    assert vendor.violations == vendor.breaches == []


def described(vendor: OpenAIVendor, **limits: object) -> Teacher:
    return Teacher.model_validate({"url": f"{vendor.url}/v1", "model": "professor", **limits})


def asking(teacher: Teacher, key: str = "sk-loopback") -> Ask:
    waits: list[float] = []
    endpoint = Endpoint(teacher, key, Patience(attempts=3, sleep=waits.append))
    return lambda instruction, material: Reply(*endpoint.ask(instruction, material))


@pytest.fixture
def rows(make_rows: Callable[..., Rows], new: type) -> Rows:
    return make_rows(
        [
            new.section(1, FERRY, "The ferry"),
            new.section(9, FARES, "Fares"),
            new.record(1, question="Is there a bar?", answer="Yes, on deck."),
        ]
    )


def taught(rows: Rows, out: Path, teacher: Teacher, ask: Ask, **more: object) -> Rows:
    return teach(rows, out / "taught", ask, use_case=USE_CASE, teacher=teacher, cache=out / "cache", **more)


def test_proven_pairs_stand_in_place_of_the_text(vendor: OpenAIVendor, rows: Rows, tmp_path: Path) -> None:
    teacher = described(vendor)
    made = list(read_rows(taught(rows, tmp_path, teacher, asking(teacher)).uri))
    assert [row.fields for row in made if row.fields] == [
        {"question": "Is there a bar?", "answer": "Yes, on deck."}
    ]
    said = [row for row in made if row.messages]
    assert len(said) == 4 and not [row for row in made if row.text]
    assert said[0].messages[1].content == "The ferry leaves at noon on every working day."
    assert (said[0].source.line, said[0].heading) == (1, ("The ferry", "passage 1"))


def test_a_rerun_asks_nothing(vendor: OpenAIVendor, rows: Rows, tmp_path: Path) -> None:
    teacher = described(vendor)
    first = taught(rows, tmp_path, teacher, asking(teacher))
    before, calls = Path(first.uri).read_bytes(), len(vendor.log)
    again = taught(rows, tmp_path, teacher, asking(teacher))
    assert len(vendor.log) == calls == 2
    assert Path(again.uri).read_bytes() == before
    assert "asked about 0 passages" in again.findings[-1].message


def test_another_use_case_is_another_question(vendor: OpenAIVendor, rows: Rows, tmp_path: Path) -> None:
    teacher = described(vendor)
    taught(rows, tmp_path, teacher, asking(teacher))
    ask, out = asking(teacher), tmp_path / "other"
    teach(rows, out, ask, use_case=f"{USE_CASE} kindly", teacher=teacher, cache=tmp_path / "cache")
    assert len(vendor.log) == 4


def test_what_is_not_proven_or_not_readable_is_dropped_with_its_reason(
    vendor: OpenAIVendor, rows: Rows, tmp_path: Path, drops: Callable[[str], list[tuple[str, str]]]
) -> None:
    def careless(instruction: str, material: str) -> str:
        if "Fares" in material:
            return "Sorry, I would rather talk about something else."
        sound = {
            "question": "When does it leave?",
            "answer": "At noon.",
            "evidence": "The ferry leaves at noon",
        }
        made_up = {
            "question": "Who owns the ferry?",
            "answer": "The king.",
            "evidence": "The king owns the ferry.",
        }
        private = {**sound, "question": "Does jo@example.org leave at noon?"}
        return json.dumps({"pairs": [sound, made_up, private, sound]})

    vendor.says["professor"] = careless
    teacher = described(vendor)
    result = taught(rows, tmp_path, teacher, asking(teacher), redaction=Redaction())
    assert result.dropped == {
        "teacher: asked before": 1,
        "teacher: its answer can't be read": 1,
        "teacher: private data that the source lacks": 1,
        "teacher: the quoted evidence is not in the source": 1,
    }
    assert "Who owns the ferry? → The king. [The king owns the ferry.]" in [
        text for _, text in drops(result.drops_uri)
    ]
    assert result.count == 2


def test_a_cap_leaves_passages_out_and_says_so(vendor: OpenAIVendor, rows: Rows, tmp_path: Path) -> None:
    teacher = described(vendor, max_calls=1)
    result = taught(rows, tmp_path, teacher, asking(teacher))
    assert len(vendor.log) == 1
    assert result.dropped == {"teacher: not asked, the limit was reached": 1}
    taught(rows, tmp_path, teacher, asking(teacher))
    assert len(vendor.log) == 1
    assert result.findings[-1].severity == "warning" and "--teacher-max-calls" in result.findings[-1].hint


def test_a_file_of_which_nothing_is_left_says_why(vendor: OpenAIVendor, rows: Rows, tmp_path: Path) -> None:
    vendor.says["professor"] = lambda *_: "No."
    teacher = described(vendor)
    files = {file.name: file for file in taught(rows, tmp_path, teacher, asking(teacher)).files}
    assert files["a.csv"].used
    assert files["a.md"].reason == "No example came of it; teacher: its answer can't be read."


def test_the_price_is_told_before_the_first_call(
    vendor: OpenAIVendor, rows: Rows, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    told: list[str] = []
    vendor.says["professor"] = lambda *asked: (told.append(caplog.text), honest(*asked))[1]
    teacher = described(vendor, price=(2.0, 8.0))
    with caplog.at_level("INFO", "luthier.teacher"):
        result = taught(rows, tmp_path, teacher, asking(teacher))
    assert all("2 calls" in text and "$0.0" in text for text in told)
    assert ", $0.00" in result.findings[-1].message


def test_passing_faults_are_asked_again(vendor: OpenAIVendor, rows: Rows, tmp_path: Path) -> None:
    vendor.fault("POST", "/chat/completions$", status=429, headers={"Retry-After": "3"})
    vendor.fault("POST", "/chat/completions$", cut=True)
    teacher = described(vendor)
    assert taught(rows, tmp_path, teacher, asking(teacher)).count == 5


def test_what_was_answered_before_a_lasting_fault_is_not_asked_again(
    vendor: OpenAIVendor, rows: Rows, tmp_path: Path
) -> None:
    teacher = described(vendor)
    vendor.says["professor"] = lambda *asked: honest(*asked) if "Fares" in asked[1] else "{"
    vendor.fault("POST", "/chat/completions$", status=503, times=3, skip=1)
    with pytest.raises(Unavailable, match="busy or faulty"):
        taught(rows, tmp_path, teacher, asking(teacher))
    vendor.log.clear()
    taught(rows, tmp_path, teacher, asking(teacher))
    assert len(vendor.log) == 1


def test_a_wrong_model_or_key_says_what_to_set(vendor: OpenAIVendor, rows: Rows, tmp_path: Path) -> None:
    unknown = described(vendor).but(model="dean")
    with pytest.raises(NotConfigured, match="no model 'dean'"):
        taught(rows, tmp_path, unknown, asking(unknown))
    vendor.fault("POST", "/chat/completions$", status=401, times=-1)
    keyed = described(vendor, key="MY_KEY")
    with pytest.raises(NotConfigured) as refused:
        taught(rows, tmp_path, keyed, asking(keyed))
    assert "MY_KEY" in refused.value.hint


def test_the_questions_of_one_passage_stay_on_one_side(
    vendor: OpenAIVendor, make_rows: Callable[..., Rows], new: type, tmp_path: Path
) -> None:
    places = [
        f"The harbour of Port{n}ville opens at dawn for all. Its tower{n} stands {n} metres above the sea."
        for n in range(10, 40)
    ]
    source = make_rows(
        [new.section(n, text, f"Port {n}", uri="/data/one.md") for n, text in enumerate(places)]
    )
    teacher = described(vendor)
    made = taught(source, tmp_path, teacher, asking(teacher))
    dataset = structure(made, tmp_path / "set", use_case=USE_CASE, holdout=0.2)
    assert (dataset.kind, dataset.report.examples) == ("chat", 60)
    lines = {uri: Path(uri).read_text("utf-8") for uri in (dataset.train_uri, dataset.holdout_uri)}
    for number in range(10, 40):
        sides = {
            uri for uri, text in lines.items() if f"Port{number}ville" in text or f"tower{number} " in text
        }
        assert len(sides) == 1
