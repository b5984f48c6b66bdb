"""What became of the rows: counts by file and reason, findings, and the errors that follow from them."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence

from errors import InvalidData, NotEnoughData
from preparation import usefulness
from preparation.kinds import Survey
from preparation.tables.columns import CONSTANT
from preparation.tables.roles import LABELS, plain_name
from preparation.tables.tabular import NOT_LABELLED
from preparation.turns import EMPTY_ANSWER
from records import Finding, Kind, Report, Rows, Source

SHOWN = 20  # sources named in a finding or a message
FORCED = {
    "classify": "Name the column of labels with --label; the columns are: {}.",
    "chat": "Chat needs a question and an answer in each row, or dialogues; leave the kind to auto.",
    "style": "Style needs running text; leave the kind to auto.",
    "reference": "Reference needs headings, questions, definitions or tables; try the kind style.",
}


class Tally:
    """Filled while examples are made; then asked for the report."""

    def __init__(self, rows: Rows, kind: Kind, kind_reason: str):
        self.rows = rows
        self.kind = kind
        self.kind_reason = kind_reason
        self.findings: list[Finding] = list(rows.findings)
        self.examples = 0
        self.labels: Counter[str] = Counter()
        self.dropped: Counter[str] = Counter()
        self.overlap = 0.0
        self._names = {file.uri: file.name for file in rows.files}
        self._of_file: Counter[str] = Counter()
        self._refused: dict[str, Counter[str]] = defaultdict(Counter)
        self._empty: list[Source] = []

    def take(self, uris: Iterable[str], label: str) -> None:
        self.examples += 1
        self._of_file.update(uris)
        if label:
            self.labels[label] += 1

    def take_back(self, uris: Iterable[str], label: str) -> None:
        self.examples -= 1
        self._of_file.subtract(uris)
        if label:
            self.labels[label] -= 1

    def drop(self, source: Source, reason: str) -> None:
        self.dropped[reason] += 1
        self._refused[source.uri][reason] += 1
        if reason == EMPTY_ANSWER and len(self._empty) < SHOWN:
            self._empty.append(source)

    def note_columns(self, found: Survey) -> None:
        """Which columns were used for what, once for files that share their columns."""
        told: set[int] = set()
        for uri, table in found.tables.items():
            roles = found.roles[uri]
            if id(table) in told or roles.shape == "facts":
                continue
            told.add(id(table))
            use = {"labelled": "the label", "pairs": "the answer", "texts": "the text"}[roles.shape]
            use += f" where there is one, else {_quoted(roles.also)}" if roles.also else ""
            inputs = f", {_quoted(roles.inputs)} the input" if roles.inputs else ""
            left = "; ".join(f"“{name}” ({why})" for name, why in roles.left_out.items())
            others = (
                f" {_quoted(roles.other_labels)} could be the label as well." if roles.other_labels else ""
            )
            message = f"{self.name(uri)}: “{roles.target}” is {use}{inputs}."
            message += f" Left out: {left}." if left else ""
            self.findings.append(
                Finding(
                    rule="columns",
                    severity="info",
                    message=message + others,
                    hint="Choose another column with --label." if roles.target else "",
                    count=table.rows,
                )
            )

    def note_unlabelled(self, found: Survey) -> None:
        """The use case asks for labels and the data has none: another kind was made of it."""
        names = found.column_names
        same = [
            name
            for table, _ in found.by_table()
            for name in table.columns
            if table.left_out.get(name) == CONSTANT and plain_name(name) in LABELS
        ]
        why = "no column holds a few values that come back" if names else "no file is a table with them"
        why = f"“{same[0]}” is the same in all rows" if same else why
        hint = "Give a table (CSV, JSONL) of texts and their labels, at least two different ones."
        if names and not same:
            hint = f"Name the column with --label ({', '.join(names[:12])})."
        self.findings.append(
            Finding(
                rule="no labels",
                severity="warning",
                message=f"The use case speaks of labels, but {why}: "
                f"a model of the kind “{self.kind}” will not sort anything.",
                hint=hint,
            )
        )

    def note_contradictions(self, pairs: Sequence[tuple[Source, Source]]) -> None:
        if not pairs:
            return
        sources = tuple(dict.fromkeys(source for pair in pairs for source in pair))[:SHOWN]
        self.findings.append(
            Finding(
                rule="contradicting labels",
                severity="warning",
                message=f"{len(pairs):,} pairs of nearly the same text have different labels: "
                f"{self.places(sources)}.",
                hint="Decide on one label for each; the model learns both otherwise.",
                count=len(pairs),
                sources=sources,
            )
        )

    def note_several_answers(self, sources: Sequence[Source]) -> None:
        if not sources:
            return
        shown = tuple(dict.fromkeys(sources))[:SHOWN]
        self.findings.append(
            Finding(
                rule="several answers",
                severity="info",
                message=f"{len(sources):,} examples ask what another asks and answer it otherwise: "
                f"{self.places(shown)}.",
                hint="Fine for variety; of facts, keep the answer that is right.",
                count=len(sources),
                sources=shown,
            )
        )

    def name(self, uri: str) -> str:
        return self._names.get(uri) or uri.rsplit("/", 1)[-1]

    def places(self, sources: Iterable[Source]) -> str:
        """`faq.jsonl (lines 1, 2), more.csv (line 7)`."""
        by_file: dict[tuple[str, str], list[int]] = defaultdict(list)
        for source in sources:
            unit, number = next(
                (
                    (unit, value)
                    for unit in ("line", "row", "page", "element")
                    if (value := getattr(source, unit))
                ),
                ("", 0),
            )
            by_file[self.name(source.uri), unit].append(number)
        return ", ".join(
            f"{name} ({unit}{'s' if len(numbers) > 1 else ''} {', '.join(map(str, numbers))})"
            if unit
            else name
            for (name, unit), numbers in by_file.items()
        )

    def stop_if_empty(self, forced: bool, columns: Sequence[str], label: str | None = None) -> None:
        """Raises NotEnoughData, or InvalidData where the rows don't give the kind asked for, with the `label`
        that was named."""
        if self.examples:
            return
        report = self.report(0, 0)
        empty = self.dropped[EMPTY_ANSWER]
        if empty and empty >= 0.5 * self.dropped.total():
            raise NotEnoughData(
                f"Not enough data: all {empty:,} answers are empty, at {self.places(self._empty)}"
                f"{' and so on' if empty > len(self._empty) else ''}.",
                "Fill in the answers, or name the column that holds them with --label.",
                report,
            )
        if forced and label and 2 * self.dropped[NOT_LABELLED] > self.dropped.total():
            raise InvalidData(
                f"The values of column “{label}” are no labels: hardly one of them comes back.",
                "Leave the kind to auto, which takes them as answers, or name another column with --label; "
                f"there are: {', '.join(columns[:40])}.",
                report,
            )
        if forced and self.dropped:
            raise InvalidData(
                f"The data gives no example of the kind “{self.kind}”: {self._reasons()}.",
                FORCED[self.kind].format(", ".join(columns[:40]) or "none, for no file is a table"),
                report,
            )
        why = self._reasons() if self.dropped or self.rows.dropped else "they hold no text that can be read"
        rows = f"of {self.rows.count:,} rows" if self.rows.count else "of the files"
        raise NotEnoughData(
            f"Not enough data: no example could be made {rows}: {why}. {report.files_not_used()}".strip(),
            "Give more files, or files with text, tables or dialogues.",
            report,
        )

    def none_held(self) -> NotEnoughData:
        """Files were given to measure the model with, and nothing came of them."""
        return NotEnoughData(
            "Not enough data: no example could be made of the files that are held out.",
            "Give them in the form of the other files, or leave them out: then a share of those is held out.",
            self.report(self.examples, 0).but(ok=False),
        )

    def _reasons(self) -> str:
        counts = self.dropped or Counter(self.rows.dropped)
        return ", ".join(f"{reason} ({count:,})" for reason, count in counts.most_common(3))

    def report(self, train: int, holdout: int) -> Report:
        return Report(
            files=usefulness.told(self.rows, self._of_file, self._refused),
            rows_in=sum(file.rows for file in self.rows.files) or self.rows.count,
            examples=self.examples,
            train=train,
            holdout=holdout,
            dropped=dict(sorted((Counter(self.rows.dropped) + self.dropped).items())),
            labels=dict(sorted(self.labels.items())),
            kind_reason=self.kind_reason,
            overlap=self.overlap,
            findings=(*self.findings, *self._empty_answers(), *self._unfit()),
            ok=not any(finding.severity == "error" for finding in self.findings),
        )

    def _empty_answers(self) -> list[Finding]:
        count = self.dropped[EMPTY_ANSWER]
        if not count:
            return []
        more = " and so on" if count > len(self._empty) else ""
        return [
            Finding(
                rule="empty answers",
                severity="warning",
                message=f"{count:,} answer{'s are' if count > 1 else ' is'} empty: "
                f"{self.places(self._empty)}{more}.",
                hint="Fill them in; rows without an answer are left out.",
                count=count,
                sources=tuple(self._empty),
            )
        ]

    def _unfit(self) -> list[Finding]:
        """Rows that this kind of dataset has no use for."""
        unfit = {
            reason: count
            for reason, count in self.dropped.items()
            if reason not in (EMPTY_ANSWER, "duplicate")
        }
        if not unfit:
            return []
        reasons = ", ".join(f"{reason} ({count:,})" for reason, count in sorted(unfit.items()))
        return [
            Finding(
                rule="no example",
                severity="info",
                message=f"Of {sum(unfit.values()):,} rows or passages no example of the kind “{self.kind}” "
                f"could be made: {reasons}.",
                count=sum(unfit.values()),
            )
        ]


def _quoted(names: Iterable[str]) -> str:
    return ", ".join(f"“{name}”" for name in names)
