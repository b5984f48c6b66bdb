"""Base against tuned model on the holdout: losses and answers, same prompts, prefixes shared."""

from collections.abc import Callable, Sequence
from contextlib import nullcontext
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
        cap = self.cap
        # both models stay loaded: the base is the tuned model with its adapter switched off
        losses, texts = [], []
        for name in ("base", "tuned"):
            with nullcontext() if name == "tuned" else self.model.disable_adapter():
                report.say(f"Measuring the {name} model's loss on {len(questions)} held-out examples")
                losses.append(self._losses(questions, check))
                texts.append(self._texts(questions[:cap], name, report.say, check))
        answers = [
            Answer(
                expected=question.expected,
                prompt=question.asked,
                base=texts[0][i] if i < cap else "",
                tuned=texts[1][i] if i < cap else "",
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
        if not questions:
            return [], []
        losses = self._losses(questions, _nothing)
        texts = self._texts(questions[: self.cap], "other", _nothing, _nothing)
        return losses, texts + [""] * (len(questions) - len(texts))

    @torch.inference_mode()
    def _losses(self, questions: Sequence[Question], check: Callable[[], None]) -> list[float]:
        """Mean loss of each question's trained tokens, in nats."""
        owners = torch.tensor([i for i, question in enumerate(questions) for _ in question.rows])
        rows = [row for question in questions for row in question.rows]
        total = torch.zeros(len(questions), dtype=torch.float64)
        count = torch.zeros(len(questions), dtype=torch.float64)
        for batch in pack(rows, self.budget, self.scorer.shares, self.speaker.template.pad_id):
            check()
            losses = self.scorer.losses(batch).double().cpu()
            total.index_add_(0, owners[batch.rows], losses)
            count.index_add_(0, owners[batch.rows], torch.ones_like(losses))
        return [round(float(loss), 6) for loss in total / count]

    def _texts(
        self,
        questions: Sequence[Question],
        name: str,
        say: Callable[[str], None],
        check: Callable[[], None],
    ) -> list[str]:
        prompts = [question.prompt for question in questions]
        texts = [""] * len(prompts)
        done = 0
        for group in tree_groups(prompts, self.budget, greedy.ROWS_AT_ONCE):
            say(f"Asking the {name} model: {done} of {len(prompts)} answers")
            for i, tokens in zip(group, self._answers([prompts[i] for i in group], check), strict=True):
                texts[i] = self.speaker.template.text(tokens).strip()
            done += len(group)
        return texts

    def _answers(self, prompts: list[list[int]], check: Callable[[], None]) -> list[list[int]]:
        model, ends = self.scorer.model, self.speaker.end_ids
        if self.scorer.shares:
            return greedy.answer(model, prompts, ends, self.count, check)
        check()
        return greedy.answer_padded(model, prompts, ends, self.count, self.speaker.template.pad_id)


def _nothing(*_: object) -> None:
    """Nobody listens, and nothing stops it."""
