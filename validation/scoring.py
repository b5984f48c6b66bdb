"""Scores base against tuned model on the holdout, and says in a sentence what came out.

The verdict follows one rule for every metric. Each held-out example gives a difference between tuned and base
(right or wrong; nats a token, weighted by tokens; word overlap). A paired permutation test asks how often the
differences would sum up as far if every sign were a coin's: "better" (or "worse") needs a one-sided p below
0.05 and a change of at least SMALLEST_CHANGE; all else is "no better". For right and wrong answers this is
the exact test of McNemar. Fewer than five held-out examples can't pass it, whatever they say.

Sources: Q. McNemar, Psychometrika 12 (1947); E. Noreen, Computer-Intensive Methods for Testing Hypotheses
(1989); R. Dror et al., The Hitchhiker's Guide to Testing Statistical Significance in NLP, ACL 2018.
"""

import math
import random
from collections import Counter
from collections.abc import Sequence
from typing import Literal, NamedTuple

from records import Answer, Evaluation, Kind, Verdict

Metric = Literal["accuracy", "perplexity", "overlap"]

LEVEL = 0.05
# of accuracy, of nats a token (a hundredth is about 1 % of perplexity), of F1
SMALLEST_CHANGE: dict[Metric, float] = {"accuracy": 0.0, "perplexity": 0.01, "overlap": 0.01}
EXACT_UP_TO = 14  # differences; more are sampled
FLIPS = 4000
SMALL_HOLDOUT = 20
SAMPLES = 10
LARGEST_LOSS = 700.0  # e to this is still a finite float
OTHER_LENGTH = 60


class Pair(NamedTuple):
    """How one example went, higher is better, and its weight in the mean."""

    base: float
    tuned: float
    weight: float = 1.0


def score(kind: Kind, answers: Sequence[Answer], seed: int) -> Evaluation:
    """Accuracy, macro-F1 and confusion for `classify`; perplexity for the rest where losses are known, else
    the overlap of words. Details hold every figure that is known. All numbers are finite.

    A label counts if the answer's first line equals it but for case and white space.
    """
    if not answers:
        metric: Metric = "accuracy" if kind == "classify" else "overlap"
        return _unmeasured(metric)
    answers = [_json_safe(answer) for answer in answers]
    losses = _loss_pairs(answers)
    pairs: dict[Metric, list[Pair]] = {"overlap": [_overlap_pair(answer) for answer in answers]}
    if losses:
        pairs["perplexity"] = losses
    if kind == "classify":
        pairs["accuracy"] = [_accuracy_pair(answer) for answer in answers]
    metric = "accuracy" if kind == "classify" else "perplexity" if losses else "overlap"
    base, tuned = _details(kind, answers, pairs, "base"), _details(kind, answers, pairs, "tuned")
    better, worse = significance(pairs[metric], seed)
    verdict = _verdict(pairs[metric], metric, better, worse)
    return Evaluation(
        metric=metric,
        base=base[metric],
        tuned=tuned[metric],
        holdout_examples=len(answers),
        verdict=verdict,
        summary=_summary(metric, base[metric], tuned[metric], len(pairs[metric]), verdict),
        base_detail=base,
        tuned_detail=tuned,
        confusion=confusion(answers) if kind == "classify" else {},
        samples=_samples(answers, seed),
    )


def _unmeasured(metric: Metric) -> Evaluation:
    return Evaluation(
        metric=metric,
        base=0.0,
        tuned=0.0,
        holdout_examples=0,
        verdict="no better",
        summary="There is no holdout, so nothing was measured.",
    )


def normal(text: str) -> str:
    """The first line that isn't blank, in lower case, white space as single blanks."""
    lines = text.strip().splitlines()
    return " ".join(lines[0].split()).casefold() if lines else ""


def _accuracy_pair(answer: Answer) -> Pair:
    expected = normal(answer.expected)
    return Pair(float(normal(answer.base) == expected), float(normal(answer.tuned) == expected))


def _overlap_pair(answer: Answer) -> Pair:
    return Pair(overlap(answer.expected, answer.base), overlap(answer.expected, answer.tuned))


def _loss_pairs(answers: Sequence[Answer]) -> list[Pair]:
    """Negative losses in nats a token, of the answers where both are known."""
    return [
        Pair(-answer.base_loss, -answer.tuned_loss, max(answer.tokens, 1))
        for answer in answers
        if answer.base_loss is not None and answer.tuned_loss is not None
    ]


def _json_safe(answer: Answer) -> Answer:
    """A loss that is not finite counts as unknown."""
    finite = {
        name: loss if loss is not None and math.isfinite(loss) else None
        for name in ("base_loss", "tuned_loss")
        for loss in [getattr(answer, name)]
    }
    return answer.but(**finite)


def overlap(expected: str, answer: str) -> float:
    """F1 of the words that two texts share, as in SQuAD (Rajpurkar et al., 2016), punctuation kept."""
    wanted, given = Counter(expected.casefold().split()), Counter(answer.casefold().split())
    shared = (wanted & given).total()
    if not wanted or not given:
        return float(wanted == given)
    return 2 * shared / (wanted.total() + given.total())


def macro_f1(expected: Sequence[str], answered: Sequence[str]) -> float:
    """The mean of the F1 of every expected label; an answer that is no label at all is a miss."""
    right = Counter(want for want, got in zip(expected, answered, strict=True) if want == got)
    wanted, given = Counter(expected), Counter(answered)
    return sum(2 * right[label] / (wanted[label] + given[label]) for label in wanted) / len(wanted)


def confusion(answers: Sequence[Answer]) -> dict[str, dict[str, int]]:
    """Expected label -> what the tuned model answered -> how often; labels are spelled as expected."""
    spelling = {normal(answer.expected): answer.expected.strip() for answer in reversed(answers)}
    table: dict[str, Counter[str]] = {}
    for answer in answers:
        got = normal(answer.tuned)
        said = spelling.get(got) or got[:OTHER_LENGTH] or "(nothing)"
        table.setdefault(spelling[normal(answer.expected)], Counter())[said] += 1
    return {label: dict(table[label].most_common()) for label in sorted(table)}


def _details(
    kind: Kind, answers: Sequence[Answer], pairs: dict[Metric, list[Pair]], which: Literal["base", "tuned"]
) -> dict[str, float]:
    details: dict[str, float] = {}
    if kind == "classify":
        details["accuracy"] = _mean(pairs["accuracy"], which)
        details["macro_f1"] = macro_f1(
            [normal(answer.expected) for answer in answers],
            [normal(getattr(answer, which)) for answer in answers],
        )
    else:
        details["overlap"] = _mean(pairs["overlap"], which)
    if "perplexity" in pairs:
        details["loss"] = -_mean(pairs["perplexity"], which)
        details["perplexity"] = math.exp(min(details["loss"], LARGEST_LOSS))
    return details


def _mean(pairs: Sequence[Pair], which: Literal["base", "tuned"]) -> float:
    return sum(getattr(pair, which) * pair.weight for pair in pairs) / sum(pair.weight for pair in pairs)


def significance(pairs: Sequence[Pair], seed: int) -> tuple[float, float]:
    """One-sided p-values of "tuned is better" and "tuned is worse", by flipping the signs of the differences:
    all ways for up to EXACT_UP_TO of them, else a seeded sample that counts the observed one in."""
    import numpy as np

    gains = np.array([(pair.tuned - pair.base) * pair.weight for pair in pairs])
    gains = gains[gains != 0]
    total, size = gains.sum(), len(gains)
    slack = 1e-9 * np.abs(gains).sum()  # sums in another order differ in the last bits
    if size <= EXACT_UP_TO:
        signs = 1 - 2 * (np.arange(2**size)[:, None] >> np.arange(size) & 1)
        sums = signs @ gains
        return float((sums >= total - slack).mean()), float((sums <= total + slack).mean())
    generator = np.random.default_rng(seed)
    rows = max(1, 4_000_000 // size)
    as_high = as_low = 1
    for start in range(0, FLIPS, rows):
        shape = (min(rows, FLIPS - start), size)
        sums = generator.choice(np.array([-1, 1], dtype=np.int8), shape) @ gains
        as_high += int((sums >= total - slack).sum())
        as_low += int((sums <= total + slack).sum())
    return as_high / (FLIPS + 1), as_low / (FLIPS + 1)


def _verdict(pairs: Sequence[Pair], metric: Metric, better: float, worse: float) -> Verdict:
    change = _mean(pairs, "tuned") - _mean(pairs, "base")
    if abs(change) < SMALLEST_CHANGE[metric]:
        return "no better"
    if change > 0 and better < LEVEL:
        return "better"
    return "worse" if change < 0 and worse < LEVEL else "no better"


def _summary(metric: Metric, base: float, tuned: float, count: int, verdict: Verdict) -> str:
    name = {"accuracy": "Accuracy", "perplexity": "Perplexity", "overlap": "Word overlap"}[metric]
    shown = [_shown(metric, value) for value in (base, tuned)]
    examples = f"{count:,} held-out example{'s' if count != 1 else ''}"
    if shown[0] == shown[1]:
        sentence = f"{name} stayed at {shown[0]} on {examples}"
    else:
        sentence = f"{name} {'rose' if tuned > base else 'fell'} from {shown[0]} to {shown[1]} on {examples}"
    if verdict == "no better" and shown[0] != shown[1]:
        sentence += ", which is too little or too uncertain to count"
    if count < SMALL_HOLDOUT:
        return f"{sentence}. The holdout is small, so take it as a hint."
    return f"{sentence}."


def _shown(metric: Metric, value: float) -> str:
    if metric == "perplexity":
        return f"{value:.2f}" if value < 1000 else f"{value:.3g}"
    return f"{value:.0%}".replace("%", " %")


def _samples(answers: Sequence[Answer], seed: int) -> tuple[Answer, ...]:
    """A seeded choice, so good and bad ones as they come; those where the models differ first."""
    differ = [answer for answer in answers if normal(answer.base) != normal(answer.tuned)]
    same = [answer for answer in answers if normal(answer.base) == normal(answer.tuned)]
    chance = random.Random(seed)
    chosen = chance.sample(differ, min(SAMPLES, len(differ)))
    return tuple(chosen + chance.sample(same, min(SAMPLES - len(chosen), len(same))))
