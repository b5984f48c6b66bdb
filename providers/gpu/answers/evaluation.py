"""Base against tuned model on the holdout: losses and answers, same prompts, prefixes shared."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import nullcontext
from itertools import groupby
from typing import TYPE_CHECKING, NamedTuple

import torch

from providers.gpu.answers import greedy
from providers.gpu.answers.generation import Speaker
from providers.gpu.jobs import JobFolder, write_atomically
from providers.gpu.options import Options
from providers.gpu.progress import Reporter
from providers.gpu.template import Template, TokenRow
from providers.gpu.training.batching import pack, token_budget, tree_groups
from providers.gpu.training.scoring import Scorer
from records import Answer, Message

if TYPE_CHECKING:
    from peft import PeftModel

ANSWER_MARGIN = 4  # tokens beyond the longest training answer, to see that an answer goes on
LONGEST_ANSWER = 256
MOST_PROMPTS = 200
# By each model, so that evaluating stays a small part of the job.
TOKENS_TO_ANSWER = {"cpu": 6_000, "cuda": 200_000}
LAID_OUT = 4  # times the tokens that are computed at once: of prompts that are answered together


class Question(NamedTuple):
    """A holdout example: its rows for the loss, and the prompt of its last answer."""

    rows: list[TokenRow]
    prompt: list[int]
    asked: str
    expected: str

    @staticmethod
    def of(messages: Sequence[Message], template: Template, limit: int) -> "Question | None":
        """None if there is no assistant's answer to compare with, or no room for it."""
        last = max((i for i, message in enumerate(messages) if message.role == "assistant"), default=0)
        rows = [row.cut(limit) for row in template.rows(messages)]
        if not last or not any(any(row.trained) for row in rows):
            return None
        asked = next((message.content for message in reversed(messages[:last]) if message.role == "user"), "")
        prompt = template.prompt(messages[:last])[:limit]
        return Question(rows, prompt, asked, messages[last].content)


class Evaluator:
    """`count`: tokens an answer may have. `cap`: how many questions are answered."""

    def __init__(
        self, model: "PeftModel", scorer: Scorer, speaker: Speaker, options: Options, longest_answer: int
    ):
        self.model, self.scorer, self.speaker = model, scorer, speaker
        self.budget = token_budget(options, scorer.device)
        self.count = options.answer_tokens or min(longest_answer + ANSWER_MARGIN, LONGEST_ANSWER)
        affordable = TOKENS_TO_ANSWER[torch.device(scorer.device).type] // self.count
        self.cap = (
            min(MOST_PROMPTS, max(8, affordable))
            if options.evaluate_examples is None
            else options.evaluate_examples
        )

    def run(
        self, questions: Sequence[Question], job: JobFolder, report: Reporter, check: Callable[[], None]
    ) -> list[Answer]:
        """Losses of all questions, answers to the first `cap`; written to answers.jsonl at the end."""
        # both models stay loaded: the base is the tuned model with its adapter switched off
        losses, texts = [], []
        for name in ("base", "tuned"):
            with nullcontext() if name == "tuned" else self.model.disable_adapter():
                measured, said = self._measured(questions, name, report.say, check)
            losses.append(measured)
            texts.append(said)
        answers = [
            Answer(
                expected=question.expected,
                prompt=question.asked,
                base=texts[0][i],
                tuned=texts[1][i],
                base_loss=losses[0][i],
                tuned_loss=losses[1][i],
                tokens=sum(sum(row.trained) for row in question.rows),
            )
            for i, question in enumerate(questions)
        ]
        write_atomically(job.answers, "".join(answer.model_dump_json() + "\n" for answer in answers))
        return answers

    def alone(self, questions: Sequence[Question]) -> tuple[list[float], list[str]]:
        """The model's losses, and its answers to the first `cap` questions; the rest are empty."""
        return self._measured(questions, "other", _nothing, _nothing) if questions else ([], [])

    @torch.inference_mode()
    def _measured(
        self, questions: Sequence[Question], name: str, say: Callable[[str], None], check: Callable[[], None]
    ) -> tuple[list[float], list[str]]:
        """Mean loss of each question's trained tokens, in nats, and the answers."""
        losses, texts = Losses(len(questions)), [""] * len(questions)
        asked, done = questions[: self.cap], 0
        once = self.scorer.shares
        if asked:
            say(f"Asking the {name} model: 0 of {len(asked)} answers")
        for group, answers in (self._read_once if once else self._read_again)(asked, losses, check):
            for i, tokens in zip(group, answers, strict=True):
                texts[i] = self.speaker.template.text(tokens).strip()
            done += len(group)
            say(f"Asking the {name} model: {done} of {len(asked)} answers")
        scored = len(asked) if once else 0
        left = [
            (i, row)
            for i, question in enumerate(questions)
            for row in (question.rows[:-1] if i < scored else question.rows)
        ]
        if left:
            say(f"Measuring the {name} model's loss on {len(questions)} held-out examples")
        owners, rows = torch.tensor([i for i, _ in left]), [row for _, row in left]
        for batch in pack(rows, self.budget, once, self.speaker.template.pad_id):
            check()
            losses.add(owners[batch.rows], self.scorer.losses(batch))
        return losses.means(), texts

    def _read_once(
        self, asked: Sequence[Question], losses: "Losses", check: Callable[[], None]
    ) -> Iterator[tuple[list[int], list[list[int]]]]:
        """Questions by index with their answers. The row of the last answer, which begins with the prompt, is
        scored on the way."""
        waiting: list[int] = []
        pasts: greedy.Pasts | None = None
        for group in tree_groups([one.rows[-1].tokens for one in asked], self.budget, greedy.ROWS_AT_ONCE):
            check()
            rows, prompts = [asked[i].rows[-1] for i in group], [asked[i].prompt for i in group]
            lost, owners, read = greedy.read(self.scorer, rows, prompts)
            losses.add(torch.tensor(group)[owners], lost)
            if pasts and not pasts.has_room_for(read, LAID_OUT * self.budget):
                yield waiting, self._going_on(pasts, check)
                waiting, pasts = [], None
            waiting, pasts = waiting + group, pasts.joined(read) if pasts else read
        if pasts:
            yield waiting, self._going_on(pasts, check)

    def _going_on(self, pasts: greedy.Pasts, check: Callable[[], None]) -> list[list[int]]:
        return greedy.answer(pasts, self.speaker.end_ids, self._count(pasts.width), check)

    def _read_again(
        self, asked: Sequence[Question], _: "Losses", check: Callable[[], None]
    ) -> Iterator[tuple[list[int], list[list[int]]]]:
        """The same for architectures that follow no prefix tree, with no row scored."""
        pad, model = self.speaker.template.pad_id, self.scorer.model
        prompts = [one.prompt for one in asked]
        groups = tree_groups(prompts, self.budget, greedy.ROWS_AT_ONCE)
        for group in groups if greedy.pads(model) else _of_one_length(groups, prompts):
            check()
            chosen = [prompts[i] for i in group]
            count = self._count(max(map(len, chosen)))
            yield group, greedy.answer_padded(model, chosen, self.speaker.end_ids, count, pad)

    def _count(self, read: int) -> int:
        """Tokens of an answer behind so many, within what the model can read."""
        return max(0, min(self.count, self.speaker.context - read))


class Losses:
    """Means over the trained tokens of each of so many questions."""

    def __init__(self, questions: int):
        self.total = torch.zeros(questions, dtype=torch.float64)
        self.count = torch.zeros(questions, dtype=torch.float64)

    def add(self, owners: torch.Tensor, losses: torch.Tensor) -> None:
        """`owners`: the question of each loss."""
        self.total.index_add_(0, owners, losses.double().cpu())
        self.count.index_add_(0, owners, torch.ones(len(owners), dtype=torch.float64))

    def means(self) -> list[float]:
        return [round(float(loss), 6) for loss in self.total / self.count]


def _of_one_length(groups: Iterable[list[int]], prompts: Sequence[list[int]]) -> Iterator[list[int]]:
    for group in groups:
        for _, alike in groupby(sorted(group, key=lambda i: len(prompts[i])), lambda i: len(prompts[i])):
            yield list(alike)


def _nothing(*_: object) -> None:
    """Nobody listens, and nothing stops it."""
