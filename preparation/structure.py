"""Clean rows -> a dataset: the kind decided, examples made without a language model, split and written.

Two passes over the rows, one to see what they are and one to make examples of them; examples wait in a
temporary file until the split is known.
"""

import hashlib
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack
from itertools import chain, groupby
from pathlib import Path
from typing import Literal

from preparation import dataset_files, labelled, reference, rowfile, style, tabular
from preparation.accounts import Accounts
from preparation.clean import excerpt
from preparation.columns import Column, level
from preparation.duplicates import Pairs, Shingles, clusters
from preparation.kinds import Survey, decide, survey
from preparation.roles import is_label
from preparation.split import Figures, holdout_of, rare
from preparation.turns import Draft, of_dialogue
from records import Dataset, Drop, Kind, Message, Row, Rows, Source, content_id

CLUSTER = 0.7  # similarity from which examples must stay on one side of the split
DUPLICATE = "duplicate"
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
) -> Dataset:
    """Write `train.jsonl`, `holdout.jsonl`, `lineage.jsonl` and `drops.jsonl` to `out`.

    `label` names the column of labels, or of answers. `holdout` is the share held out, 0 to 0.5; where files
    are held out, their examples are the holdout, and what resembles them is not trained on. Raises
    InvalidData for an unknown `label` or a `kind` that the rows can't give, NotEnoughData if no example
    can be made, or none of the files held out; both carry the report. The id and the files depend on the
    content alone.
    """
    found = survey(rowfile.read_rows(rows.uri), use_case, label)
    chosen, reason = (
        decide(found, use_case) if kind == "auto" else (kind, f"The kind “{kind}” was asked for.")
    )
    accounts = Accounts(rows, chosen, reason)
    with ExitStack() as stack:
        drops = stack.enter_context(rowfile.writing(rowfile.place(out, "drops.jsonl")))
        drops.append(rows.drops_uri)
        maker = _Maker(found, chosen, use_case, seed, accounts, drops)
        stack.enter_context(maker.lines)
        stack.enter_context(maker.shingles)
        accounts.note_columns(found)
        maker.make(rowfile.read_rows(rows.uri))
        accounts.stop_if_empty(forced=kind != "auto", columns=found.column_names)
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
        report=accounts.report(len(train), len(held)),
    )


class _Maker:
    """Makes examples of rows and keeps what the split needs to know of them."""

    def __init__(
        self, found: Survey, kind: Kind, use_case: str, seed: int, accounts: Accounts, drops: rowfile.Writer
    ):
        self.found = found
        self.kind: Kind = kind
        self.seed = seed
        self.accounts = accounts
        self.drops = drops
        self.lines = dataset_files.Lines()
        self.shingles = Shingles()
        self.figures = Figures()
        self.held_files = {file.uri for file in accounts.rows.files if file.held}
        self.given: list[bool] = []
        self.met: set[int] = set()
        self.columns = self._label_columns() if kind == "classify" else []
        self.spellings = labelled.spellings(self.columns)
        self.system = use_case
        if kind == "classify":
            self.system = labelled.instruction(use_case, set(self.spellings.values()))
            accounts.findings.extend(labelled.respelt(self.columns, self.spellings))

    def _label_columns(self) -> list[Column]:
        labels = [
            table.columns[roles.target] for table, roles in self.found.by_table() if roles.shape == "labelled"
        ]
        if self.found.dialogues and is_label(self.found.answers, named=True):
            labels.append(self.found.answers)
        return labels

    def make(self, rows: Iterator[Row]) -> None:
        for (_, is_text), run in groupby(rows, key=lambda row: (row.source.uri, bool(row.text))):
            for draft in self._of_document(run) if is_text else chain.from_iterable(map(self._of_row, run)):
                self._take(draft)

    def _of_document(self, rows: Iterator[Row]) -> Iterator[Draft]:
        if self.kind == "classify":
            for row in rows:
                yield Draft((row.source,), refused=tabular.NOT_LABELLED, excerpt=row.text)
            return
        yield from (style if self.kind == "style" else reference).drafts(rows)

    def _of_row(self, row: Row) -> Iterator[Draft]:
        if row.fields:
            yield from tabular.drafts(row, self.found.roles[row.source.uri], self.kind, self.spellings)
            return
        draft = of_dialogue(row.messages, row.source, row.heading)
        if self.kind == "classify" and not draft.refused:
            draft = self._labelled_dialogue(draft)
        yield draft

    def _labelled_dialogue(self, draft: Draft) -> Draft:
        label = self.spellings.get(level(draft.turns[-1].content))
        if label is None or self.found.answers not in self.columns:
            return Draft(draft.sources, refused=tabular.NOT_LABELLED, excerpt=draft.turns[0].content)
        turns = (*draft.turns[:-1], Message(role="assistant", content=label))
        return Draft(draft.sources, turns=turns, system=draft.system, label=label)

    def _take(self, draft: Draft) -> None:
        if draft.refused:
            self._drop(draft, draft.refused, draft.excerpt)
            return
        messages = draft.messages(self.system)
        line = dataset_files.line_of(messages)
        key = dataset_files.seeded_key(line, self.seed)
        if key in self.met:
            self._drop(draft, DUPLICATE, messages[-1].content)
            return
        self.met.add(key)
        self.lines.add(line, draft.sources, draft.label)
        self._note(draft, messages, key)

    def _drop(self, draft: Draft, reason: str, text: str) -> None:
        source = draft.sources[0]
        self.drops.write(Drop(source=source, reason=reason, excerpt=excerpt(text)))
        self.accounts.drop(source, reason)

    def _note(self, draft: Draft, messages: tuple[Message, ...], key: int) -> None:
        source = draft.sources[0]
        asked = "\n".join(message.content for message in messages if message.role == "user")
        answer = "\n".join(message.content for message in messages if message.role == "assistant")
        self.shingles.add([asked if self.kind == "classify" else f"{asked}\n{answer}"])
        self.given.append(source.uri in self.held_files)
        self.figures.keys.append(key)
        self.figures.labels.append(draft.label)
        self.figures.prompts.append(_number(" ".join(asked.casefold().split())))
        self.figures.documents.append(_number(source.uri) if draft.section else -1)
        self.figures.sections.append(_number(source.uri, *draft.section) if draft.section else -1)
        self.accounts.take(source, draft.label)

    def split(self, share: float, threshold: float) -> tuple[list[int], list[int]]:
        """Numbers of the examples in train and holdout, each in seeded order. Notes labels that contradict
        each other, their balance and the overlap of the two sides."""
        loose = min(CLUSTER, threshold)
        pairs = self.shingles.pairs(loose)
        if self.held_files:
            held, left_out = self.given, self._like_given(threshold)
        else:
            held, left_out = holdout_of(self.figures, self._clusters(pairs, loose, threshold), share), set()
        order = sorted(range(len(held)), key=self.figures.keys.__getitem__)
        holdout = [at for at in order if held[at]]
        train = [at for at in order if not held[at] and at not in left_out]
        self.accounts.overlap = self.shingles.overlap(holdout, train, threshold)
        if self.kind == "classify":
            self.accounts.note_contradictions(self._contradictions(pairs, threshold))
            self.accounts.findings.extend(labelled.balance(self.accounts.labels))
        elif self.kind != "style":
            self.accounts.note_several_answers(self._asked_again())
        return train, holdout

    def _like_given(self, threshold: float) -> set[int]:
        """Examples to be trained on that resemble one of the given holdout, or ask the same: left out."""
        held = [at for at, given in enumerate(self.given) if given]
        others = [at for at, given in enumerate(self.given) if not given]
        if not held:
            raise self.accounts.none_held()
        prompts = rare(self.figures.prompts)
        asked = {prompts[at] for at in held} - {-1}
        alike = self.shingles.resembling(others, held, threshold)
        found = {at for at, like in zip(others, alike, strict=True) if like or prompts[at] in asked}
        for at in sorted(found):
            source = self.lines.source(at)
            self.drops.write(Drop(source=source, reason=HELD_TOO, excerpt=excerpt(self.lines.answer(at))))
            self.accounts.take_back(source, self.figures.labels[at])
            self.accounts.drop(source, HELD_TOO)
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


def _number(*words: str) -> int:
    digest = hashlib.blake2b("\x00".join(words).encode(), digest_size=8).digest()
    return int.from_bytes(digest, "big") >> 1
