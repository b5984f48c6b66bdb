"""What a teacher may cost: counted and told before the first call, and kept to while it is asked."""

import threading
from collections.abc import Sequence
from typing import NamedTuple

from errors import NotConfigured
from preparation.teacher.answers import Question, Reply
from records import Teacher

ANSWER_TOKENS = 700  # of one answer, to estimate with: five pairs with evidence


class Estimate(NamedTuple):
    """Of the calls that will be made. `usd` is None where no price was given."""

    calls: int
    prompt_tokens: int
    answer_tokens: int
    usd: float | None

    def __str__(self) -> str:
        tokens = f"about {self.prompt_tokens:,} tokens to it and at most some {self.answer_tokens:,} from it"
        price = f"about ${self.usd:.4f}" if self.usd is not None else "price unknown, none was given"
        return f"{self.calls:,} calls, {tokens}, {price}"


class Budget:
    """Money and calls that are left. One for all threads."""

    def __init__(self, teacher: Teacher):
        """Raises NotConfigured for a limit of money without a price."""
        if teacher.max_cost is not None and teacher.price is None:
            raise NotConfigured(
                "The teacher has a cost limit but no price, so the limit can't be kept.",
                "Give its price in US dollars per million tokens in and out: --teacher-price 0.15,0.60.",
            )
        self.teacher = teacher
        self.spent, self.calls = 0.0, 0
        self.prompt_tokens = self.answer_tokens = 0
        self._lock = threading.Lock()

    def cost(self, prompt_tokens: int, answer_tokens: int) -> float:
        into, out = self.teacher.price or (0.0, 0.0)
        return (prompt_tokens * into + answer_tokens * out) / 1e6

    def affordable(self, questions: Sequence[Question]) -> list[Question]:
        """As many as calls and money allow, were none of them answered yet: the same choice on every run, and
        what a smaller limit allows is among what a larger one does."""
        drawn = sorted(questions, key=lambda question: question.digest)[: self.teacher.max_calls]
        while drawn and self._is_dear(drawn):
            drawn = drawn[: len(drawn) * 9 // 10]
        return drawn

    def _is_dear(self, questions: Sequence[Question]) -> bool:
        limit, estimate = self.teacher.max_cost, self.estimate(questions)
        return limit is not None and (estimate.usd or 0.0) > limit

    def estimate(self, questions: Sequence[Question]) -> Estimate:
        into, out = sum(question.tokens for question in questions), ANSWER_TOKENS * len(questions)
        usd = self.cost(into, out) if self.teacher.price else None
        return Estimate(len(questions), into, out, usd)

    def begin(self, question: Question) -> bool:
        """Whether one more call fits. What is under way counts as if it had cost what was estimated."""
        with self._lock:
            expected = self.cost(question.tokens, ANSWER_TOKENS)
            limit = self.teacher.max_cost
            if self.calls >= self.teacher.max_calls or (limit is not None and self.spent + expected > limit):
                return False
            self.calls += 1
            self.spent += expected
            return True

    def end(self, question: Question, reply: Reply | None) -> None:
        """What the call cost in truth; nothing if it failed."""
        with self._lock:
            self.spent -= self.cost(question.tokens, ANSWER_TOKENS)
            if reply:
                self.spent += self.cost(reply.prompt_tokens, reply.answer_tokens)
                self.prompt_tokens += reply.prompt_tokens
                self.answer_tokens += reply.answer_tokens
