"""Clean rows -> a dataset: the kind decided, examples made without a language model, split and written.

Two passes over the rows, one to see what they are and one to make examples of them; examples wait in a
temporary file until the split is known.
"""

from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Literal

from preparation import dataset_files, rowfile
from preparation.drafting import Drafted, Drafting
from preparation.duplicates import Pairs, Shingles, clusters
from preparation.excerpts import excerpt
from preparation.kinds import Survey, decide, survey, wants_labels
from preparation.mapping import Processes
from preparation.split import Figures, holdout_of, rare
from preparation.tables import labelled
from preparation.tables.columns import Column
from preparation.tables.roles import is_label
from preparation.tally import Tally
from records import Dataset, Drop, Kind, Rows, Source, content_id

CLUSTER = 0.7  # similarity from which examples must stay on one side of the split
DUPLICATE = "duplicate"
ASKED_FOR = "The kind “{}” was asked for."
HELD_TOO = "like a held-out example"
CHECKED = 10_000  # pairs with different labels that are looked at


def structure(
    rows: Rows,
    out: str | Path,
    *,
    use_case: str,
    kind: Literal["auto", "chat", "classify", "style", "reference"] = "auto",
    label: str | None = None,
    holdout: float = 0.1,
    seed: int = 17,
    near_duplicates: float = 0.85,
    workers: int | None = None,
) -> Dataset:
    """Write `train.jsonl`, `holdout.jsonl`, `lineage.jsonl` and `drops.jsonl` to `out`.

    `label` names the column of labels, or of answers. `holdout` is the share held out, 0 to 0.5; where files
    are held out, their examples are the holdout, and what resembles them is not trained on. Raises
    InvalidData for an unknown `label` or a `kind` that the rows can't give, NotEnoughData if no example
    can be made, or none of the files held out; both carry the report. Rows are worked on by as many processes
    as there are cores, or `workers`. The id and the files depend on the content alone.
    """
    with ExitStack() as stack:
        processes = stack.enter_context(Processes(workers))
        with rowfile.opened(rows.uri) as file:
            found = survey(file, use_case, label, processes)
        chosen, reason = decide(found, use_case) if kind == "auto" else (kind, ASKED_FOR.format(kind))
        tally = Tally(rows, chosen, reason)
        drops = stack.enter_context(rowfile.writing(rowfile.place(out, "drops.jsonl")))
        drops.append(rows.drops_uri)
        maker = _Maker(found, chosen, use_case, seed, tally, drops)
        stack.enter_context(maker.lines)
        stack.enter_context(maker.shingles)
        tally.note_columns(found)
        if kind == "auto" and chosen != "classify" and wants_labels(use_case):
            tally.note_unlabelled(found)
        with rowfile.opened(rows.uri) as file:
            maker.make(file, processes)
        processes.end()
        named = label if kind == "classify" else None
        tally.stop_if_empty(kind != "auto", found.column_names, named)
        train, held = maker.split(holdout, near_duplicates)
        digests = dataset_files.write(maker.lines, train, held, chosen, out)
    return Dataset(
        id=content_id("ds", *digests, use_case, chosen),
        use_case=use_case,
        system=maker.system,
        kind=chosen,
        train_uri=rowfile.place(out, "train.jsonl"),
        holdout_uri=rowfile.place(out, "holdout.jsonl"),
        lineage_uri=rowfile.place(out, "lineage.jsonl"),
        drops_uri=rowfile.place(out, "drops.jsonl"),
        report=tally.report(len(train), len(held)),
    )


class _Maker:
    """Makes examples of rows and keeps what the split needs to know of them."""

    def __init__(
        self, found: Survey, kind: Kind, use_case: str, seed: int, tally: Tally, drops: rowfile.Writer
    ):
        self.found = found
        self.kind: Kind = kind
        self.seed = seed
        self.tally = tally
        self.drops = drops
        self.lines = dataset_files.Lines()
        self.shingles = Shingles()
        self.figures = Figures()
        self.held_files = {file.uri for file in tally.rows.files if file.held}
        self.given: list[bool] = []
        self.met: set[int] = set()
        self.columns = self._label_columns() if kind == "classify" else []
        self.spellings = labelled.spellings(self.columns)
        self.system = use_case
        if kind == "classify":
            self.system = labelled.instruction(use_case, set(self.spellings.values()))
            tally.findings.extend(labelled.respelt(self.columns, self.spellings))

    def _label_columns(self) -> list[Column]:
        labels = [
            table.columns[roles.target] for table, roles in self.found.by_table() if roles.shape == "labelled"
        ]
        if self.found.dialogues and is_label(self.found.answers, named=True):
            labels.append(self.found.answers)
        return labels

    def make(self, lines: Iterable[bytes], processes: Processes) -> None:
        answers = self.found.answers in self.columns
        drafting = Drafting(self.kind, self.system, self.seed, self.found.roles, self.spellings, answers)
        for batch in processes.mapped(drafting, lines):
            self.shingles.add(batch.signed, list(self._taken(batch.items)))

    def _taken(self, items: Iterable[Drop | Drafted]) -> Iterator[bool]:
        """Whether each example is taken: the same is not taken twice."""
        for item in items:
            if isinstance(item, Drop):
                self._drop(item)
            elif item.key in self.met:
                source, answer = dataset_files.sources_of(item.origin)[0], dataset_files.answer_of(item.line)
                self._drop(Drop(source=source, reason=DUPLICATE, excerpt=excerpt(answer)))
                yield False
            else:
                self.met.add(item.key)
                self._take(item)
                yield True

    def _drop(self, drop: Drop) -> None:
        self.drops.write(drop)
        self.tally.drop(drop.source, drop.reason)

    def _take(self, made: Drafted) -> None:
        self.lines.add(made.line, made.origin)
        self.given.append(made.uris[0] in self.held_files)
        self.figures.keys.append(made.key)
        self.figures.labels.append(made.label)
        self.figures.prompts.append(made.prompt)
        self.figures.documents.append(made.document)
        self.figures.sections.append(made.section)
        self.tally.take(made.uris, made.label)

    def split(self, share: float, threshold: float) -> tuple[list[int], list[int]]:
        """Numbers of the examples in train and holdout, each in seeded order. Notes labels that contradict
        each other, their balance and the overlap of the two sides."""
        loose = min(CLUSTER, threshold)
        pairs = self.shingles.pairs(loose)
        if self.held_files:
            held, left_out = self.given, self._like_given(threshold)
        else:
            held, left_out = self._held(pairs, loose, threshold, share), set()
        order = sorted(range(len(held)), key=self.figures.keys.__getitem__)
        holdout = [at for at in order if held[at]]
        train = [at for at in order if not held[at] and at not in left_out]
        self.tally.overlap = self.shingles.overlap(holdout, train, threshold)
        if self.kind == "classify":
            self.tally.note_contradictions(self._contradictions(pairs, threshold))
            self.tally.findings.extend(labelled.balance(self.tally.labels))
        elif self.kind != "style":
            self.tally.note_several_answers(self._asked_again())
        return train, holdout

    def _held(self, pairs: Pairs, loose: float, threshold: float, share: float) -> list[bool]:
        """Where all texts of a label come from one mould, none could be held out: then only those that are
        nearly the same stay together."""
        held = holdout_of(self.figures, self._clusters(pairs, loose, threshold), share)
        if any(held) or not share:
            return held
        return holdout_of(self.figures, clusters(self.shingles, pairs, threshold), share)

    def _like_given(self, threshold: float) -> set[int]:
        """Examples to be trained on that resemble one of the given holdout, or ask the same: left out."""
        held = [at for at, given in enumerate(self.given) if given]
        others = [at for at, given in enumerate(self.given) if not given]
        if not held:
            raise self.tally.none_held()
        prompts = rare(self.figures.prompts)
        asked = {prompts[at] for at in held} - {-1}
        alike = self.shingles.resembling(others, held, threshold)
        found = {at for at, like in zip(others, alike, strict=True) if like or prompts[at] in asked}
        for at in sorted(found):
            source, *_ = sources = self.lines.sources(at)
            self.tally.take_back({one.uri for one in sources}, self.figures.labels[at])
            self._drop(Drop(source=source, reason=HELD_TOO, excerpt=excerpt(self.lines.answer(at))))
        return found

    def _asked_again(self) -> list[Source]:
        """Where questions stand that were asked before and answered otherwise."""
        counts = Counter(self.figures.prompts)
        again = [at for at, prompt in enumerate(self.figures.prompts) if counts[prompt] > 1]
        return [self.lines.source(at) for at in again[:CHECKED]]

    def _clusters(self, pairs: Pairs, loose: float, threshold: float) -> list[int]:
        """Loose clusters; where chains of them hold most examples (texts from one mould), strict ones."""
        for similarity in sorted({loose, threshold}):
            found = clusters(self.shingles, pairs, similarity)
            if max(Counter(found).values()) <= len(found) // 2:
                return found
        return list(range(len(found)))

    def _contradictions(self, pairs: Pairs, threshold: float) -> list[tuple[Source, Source]]:
        """Texts that are near-duplicates of each other and have different labels."""
        labels = self.figures.labels
        differing = [(one, two) for one, two in pairs.tolist() if labels[one] != labels[two]][:CHECKED]
        return [
            (self.lines.source(one), self.lines.source(two))
            for one, two in differing
            if self.shingles.similarity(one, two) >= threshold
        ]
