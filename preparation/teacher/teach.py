"""Clean rows -> rows in which a teacher's questions and answers stand in place of the documents' text."""

import logging
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import groupby
from pathlib import Path

from preparation import rowfile
from preparation.documents.passages import Passage, passages, pieces
from preparation.excerpts import excerpt
from preparation.redaction.redactor import Redactor
from preparation.teacher.answers import Answers, Ask, Question, Reply
from preparation.teacher.budget import Budget
from preparation.teacher.grounding import refusal
from preparation.teacher.prompt import Malformed, Pair, pairs_of
from records import Drop, FileReport, Finding, Message, Redaction, Row, Rows, Source, Teacher

log = logging.getLogger("luthier.teacher")
AT_ONCE = 4
MALFORMED = "teacher: its answer can't be read"
NOT_ASKED = "teacher: not asked, the limit was reached"
PRIVATE = "teacher: private data that the source lacks"
REPEATED = "teacher: asked before"


def teach(
    rows: Rows,
    out: str | Path,
    ask: Ask,
    *,
    use_case: str,
    teacher: Teacher,
    cache: str | Path,
    redaction: Redaction | None = None,
) -> Rows:
    """Write `rows.jsonl` and `drops.jsonl` (earlier drops and new ones) to `out`.

    Tables and dialogues stay as they are. Calls and price are logged before the first call; answers are kept
    in the local folder `cache`. With `redaction`, a pair that holds private data is dropped. Raises
    NotConfigured for a cost limit without a price, and what `ask` raises: earlier answers are kept.
    """
    uri, drops_uri = rowfile.place(out, "rows.jsonl"), rowfile.place(out, "drops.jsonl")
    budget = Budget(teacher)
    lesson = _Lesson(Answers(cache, teacher.model), budget, ask)
    asked = dict.fromkeys(Question.about(passage, use_case) for passage in _passages(rows))
    lesson.hold(list(asked))
    with rowfile.writing(uri) as kept, rowfile.writing(drops_uri) as drops:
        drops.append(rows.drops_uri)
        check = _Check(drops, Redactor(redaction) if redaction else None)
        for row in _other_rows(rows):
            kept.write(row)
        for number, passage in enumerate(_passages(rows), 1):
            reply = lesson.replies.get(Question.about(passage, use_case))
            for row in check.rows(passage, reply, number):
                kept.write(row)
    dropped = dict(sorted((Counter(rows.dropped) + drops.reasons).items()))
    findings = (*rows.findings, _told(lesson, check, teacher))
    return rows.but(
        uri=uri, drops_uri=drops_uri, count=kept.count, dropped=dropped, findings=findings,
        files=tuple(map(check.file, rows.files)),
    )  # fmt: skip


def _passages(rows: Rows) -> Iterator[Passage]:
    texts = (row for row in rowfile.read_rows(rows.uri) if row.text)
    for _, document in groupby(texts, key=lambda row: row.source.uri):
        yield from passages(pieces(document))


def _other_rows(rows: Rows) -> Iterator[Row]:
    return (row for row in rowfile.read_rows(rows.uri) if not row.text)


class _Lesson:
    """The questions with their replies, from the cache or from the teacher."""

    def __init__(self, answers: Answers, budget: Budget, ask: Ask):
        self.answers, self.budget, self.ask = answers, budget, ask
        self.replies: dict[Question, Reply] = {}
        self.known = self.left = 0

    def hold(self, questions: Sequence[Question]) -> None:
        """Fill `replies`. An error ends the lesson when the calls under way have ended."""
        drawn = self.budget.affordable(questions)
        for question in drawn:
            if reply := self.answers.known(question):
                self.replies[question] = reply
        self.known = len(self.replies)
        chosen = [question for question in drawn if question not in self.replies]
        log.info("The teacher: %s; %s are answered from before.", self.budget.estimate(chosen), self.known)
        with ThreadPoolExecutor(AT_ONCE) as pool:
            futures = [pool.submit(self._ask, question) for question in chosen]
            try:
                for question, future in zip(chosen, futures, strict=True):
                    if reply := future.result():
                        self.replies[question] = reply
            finally:
                pool.shutdown(cancel_futures=True)
        self.left = len(questions) - len(self.replies)

    def _ask(self, question: Question) -> Reply | None:
        if not self.budget.begin(question):
            return None
        reply = None
        try:
            reply = self.ask(*question)
            self.answers.keep(question, reply)
        finally:
            self.budget.end(question, reply)
        return reply


class _Check:
    """Replies become rows, or drops with their reason."""

    def __init__(self, drops: rowfile.Writer, redactor: Redactor | None):
        self.drops, self.redactor = drops, redactor
        self.pairs = 0
        self.kept: Counter[str] = Counter()
        self.refused: dict[str, Counter[str]] = defaultdict(Counter)
        self.met: set[str] = set()

    def rows(self, passage: Passage, reply: Reply | None, number: int) -> Iterator[Row]:
        """`number` keeps what comes of one passage together when the examples are split."""
        source = passage.sources[0]
        if reply is None:
            self._drop(source, NOT_ASKED, passage.text)
            return
        try:
            found = pairs_of(reply.text)
        except Malformed as error:
            self._drop(source, MALFORMED, f"{error}: {reply.text}")
            return
        self.pairs += len(found)
        for pair in found:
            if reason := self._refused(pair, passage):
                self._drop(source, reason, f"{pair.question} → {pair.answer} [{' … '.join(pair.evidence)}]")
                continue
            self.kept[source.uri] += 1
            question, answer = (
                Message(role="user", content=pair.question),
                Message(role="assistant", content=pair.answer),
            )
            yield Row(
                source=source, messages=(question, answer), heading=(*passage.heading, f"passage {number}")
            )

    def _refused(self, pair: Pair, passage: Passage) -> str:
        if reason := refusal(pair, passage):
            return reason
        if self.redactor:
            self.redactor.begin()
            said = f"{pair.question}\n{pair.answer}"
            if self.redactor.text(said) != said:
                return PRIVATE
        asked = " ".join(pair.question.casefold().split())
        if asked in self.met:
            return REPEATED
        self.met.add(asked)
        return ""

    def file(self, report: FileReport) -> FileReport:
        """A file of which nothing is left says so, and why."""
        if self.kept[report.uri] or not self.refused[report.uri]:
            return report
        reason = self.refused[report.uri].most_common(1)[0][0]
        return report.but(used=False, reason=f"No example came of it; {reason}.")

    def _drop(self, source: Source, reason: str, text: str) -> None:
        self.refused[source.uri][reason] += 1
        self.drops.write(Drop(source=source, reason=reason, excerpt=excerpt(text)))


def _told(lesson: _Lesson, check: _Check, teacher: Teacher) -> Finding:
    budget, kept = lesson.budget, check.kept.total()
    price = f", ${budget.spent:.4f}" if teacher.price else ""
    tokens = f"{budget.prompt_tokens:,} tokens in, {budget.answer_tokens:,} out"
    message = (
        f"The teacher {teacher.model} was asked about {budget.calls:,} passages ({tokens}{price}); "
        f"{lesson.known:,} were answered from before. "
        f"Of {check.pairs:,} pairs {kept:,} are proven by their source and kept."
    )
    if not lesson.left:
        return Finding(rule="teacher", severity="info", message=message, count=kept)
    return Finding(
        rule="teacher",
        severity="warning",
        message=f"{message} {lesson.left:,} passages were not asked about, as the limit was reached.",
        hint="Raise --teacher-max-calls or --teacher-max-cost; what was answered is not paid for again.",
        count=kept,
    )
