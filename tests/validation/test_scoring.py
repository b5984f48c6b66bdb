import json
import math
import subprocess
import sys
from pathlib import Path

import pytest

from records import Answer
from validation.scoring import Pair, confusion, macro_f1, overlap, score, significance


def answer(expected="billing", base="no idea", tuned="billing", **fields) -> Answer:
    return Answer(expected=expected, prompt="Where is my card?", base=base, tuned=tuned, **fields)


def test_a_classifier_that_learned_is_better():
    result = score("classify", [answer() for _ in range(23)] + [answer(tuned="x")] * 2, seed=1)
    assert (result.metric, result.base, result.tuned, result.verdict) == ("accuracy", 0.0, 0.92, "better")
    assert result.summary == "Accuracy rose from 0 % to 92 % on 25 held-out examples."
    assert result.holdout_examples == 25


def test_a_classifier_that_forgot_is_worse():
    result = score("classify", [answer(base="billing", tuned="x") for _ in range(25)], seed=1)
    assert result.verdict == "worse"
    assert result.summary == "Accuracy fell from 100 % to 0 % on 25 held-out examples."


def test_one_more_right_answer_is_no_better_and_is_said_to_be_uncertain():
    same = [answer(base="billing") for _ in range(24)]
    result = score("classify", [*same, answer()], seed=1)
    assert result.verdict == "no better"
    sentence = "Accuracy rose from 96 % to 100 % on 25 held-out examples"
    assert result.summary == f"{sentence}, which is too little or too uncertain to count."


def test_nothing_changed_says_stayed():
    result = score("classify", [answer(base="billing") for _ in range(25)], seed=1)
    assert (result.verdict, result.summary) == (
        "no better",
        "Accuracy stayed at 100 % on 25 held-out examples.",
    )


@pytest.mark.parametrize(("count", "verdict"), [(1, "no better"), (4, "no better"), (5, "better")])
def test_a_small_holdout_needs_five_examples_and_is_called_small(count, verdict):
    result = score("classify", [answer() for _ in range(count)], seed=1)
    assert result.verdict == verdict
    assert result.summary.endswith("The holdout is small, so take it as a hint.")


@pytest.mark.parametrize("kind", ["chat", "classify", "style", "reference"])
def test_without_a_holdout_nothing_was_measured(kind):
    result = score(kind, [], seed=1)
    assert result.summary == "There is no holdout, so nothing was measured."
    assert (result.holdout_examples, result.verdict) == (0, "no better")
    json.loads(result.model_dump_json())


@pytest.mark.parametrize(
    "text",
    ["billing", "  Billing \n", "BILLING\nbecause the user asks", "\n\nbilling", "billing\r\nmore"],
)
def test_a_label_counts_whatever_its_case_and_space_and_what_follows(text):
    assert score("classify", [answer(tuned=text)], seed=1).tuned == 1.0


@pytest.mark.parametrize(
    "text", ["", " \n ", "billing.", "The label is billing", "bill ing", "other\nbilling"]
)
def test_anything_else_is_no_label(text):
    assert score("classify", [answer(tuned=text)], seed=1).tuned == 0.0


def test_labels_of_several_words_match_across_white_space():
    assert score("classify", [answer("lost  card", tuned="Lost\tcard")], seed=1).tuned == 1.0


def test_macro_f1_is_the_mean_over_expected_labels():
    # a: precision 2/3, recall 2/2 -> 0.8; b: precision 1/1, recall 1/2 -> 2/3; c never expected
    assert macro_f1(["a", "a", "b", "b"], ["a", "a", "a", "b"]) == pytest.approx((0.8 + 2 / 3) / 2)
    assert macro_f1(["a", "b"], ["c", "c"]) == 0.0


def test_the_confusion_table_counts_tuned_answers_by_expected_label():
    table = confusion(
        [
            answer("Billing", tuned="billing"),
            answer("billing", tuned="card arrival\n"),
            answer("Card arrival", tuned=""),
            answer("Card arrival", tuned="something " * 20),
        ]
    )
    assert table["Billing"] == {"Billing": 1, "Card arrival": 1}
    assert table["Card arrival"]["(nothing)"] == 1
    assert max(map(len, table["Card arrival"])) <= 60


def test_details_hold_every_known_figure():
    result = score("classify", [answer(base_loss=2.0, tuned_loss=1.0, tokens=3)] * 5, seed=1)
    assert set(result.tuned_detail) == {"accuracy", "macro_f1", "loss", "perplexity"}
    assert result.base_detail["perplexity"] == pytest.approx(math.exp(2))
    assert result.tuned_detail["loss"] == pytest.approx(1.0)


def test_perplexity_is_weighted_by_tokens():
    answers = [
        answer(base_loss=1.0, tuned_loss=1.0, tokens=30),
        answer(base_loss=4.0, tuned_loss=2.0, tokens=10),
    ]
    result = score("chat", answers, seed=1)
    assert result.metric == "perplexity"
    assert result.base == pytest.approx(math.exp((30 * 1 + 10 * 4) / 40))
    assert result.tuned == pytest.approx(math.exp((30 * 1 + 10 * 2) / 40))


def test_a_lower_perplexity_is_better():
    answers = [answer(base_loss=3 + number % 5 / 10, tuned_loss=1.0, tokens=9) for number in range(40)]
    result = score("style", answers, seed=1)
    assert result.verdict == "better"
    assert result.summary == f"Perplexity fell from {result.base:.2f} to 2.72 on 40 held-out examples."


def test_a_higher_perplexity_is_worse():
    answers = [answer(base_loss=1.0, tuned_loss=2 + number / 100, tokens=9) for number in range(40)]
    assert score("style", answers, seed=1).verdict == "worse"


def test_a_change_that_is_sure_but_tiny_is_no_better():
    answers = [answer(base_loss=2.0, tuned_loss=1.995, tokens=9) for _ in range(200)]
    assert score("chat", answers, seed=1).verdict == "no better"


def test_a_change_that_is_large_but_noisy_is_no_better():
    answers = [answer(base_loss=2.0, tuned_loss=2.0 + (-1) ** number, tokens=9) for number in range(40)]
    answers.append(answer(base_loss=2.0, tuned_loss=0.0, tokens=9))
    assert score("chat", answers, seed=1).verdict == "no better"


@pytest.mark.parametrize("loss", [None, math.nan, math.inf])
def test_losses_that_are_not_known_are_left_out(loss):
    answers = [answer(base_loss=2.0, tuned_loss=1.0, tokens=5), answer(base_loss=loss, tuned_loss=1.0)]
    result = score("chat", answers, seed=1)
    assert result.base == pytest.approx(math.exp(2))
    assert "on 1 held-out example," in result.summary
    json.loads(json.dumps(result.model_dump(mode="json"), allow_nan=False))


def test_without_losses_the_overlap_of_words_counts():
    result = score("reference", [answer("the fee is 2 %", tuned="The fee is 3 %")] * 30, seed=1)
    assert (result.metric, result.verdict) == ("overlap", "better")
    assert result.tuned == pytest.approx(0.8)
    assert result.summary == "Word overlap rose from 0 % to 80 % on 30 held-out examples."


def test_overlap_counts_repeated_words_once_each():
    assert overlap("a a b", "a b b") == pytest.approx(2 / 3)
    assert overlap("", "") == 1.0
    assert overlap("", "word") == overlap("word", " ") == 0.0


def test_a_monstrous_loss_stays_a_finite_number():
    result = score("chat", [answer(base_loss=5000.0, tuned_loss=1.0, tokens=2)] * 6, seed=1)
    assert math.isfinite(result.base)
    assert json.loads(result.model_dump_json())["base"] == result.base


def test_the_test_of_right_and_wrong_is_mcnemars():
    wins, losses = 9, 2
    pairs = [Pair(0, 1)] * wins + [Pair(1, 0)] * losses + [Pair(1, 1)] * 20
    exact = sum(math.comb(wins + losses, k) for k in range(wins, wins + losses + 1)) / 2 ** (wins + losses)
    better, worse = significance(pairs, seed=1)
    assert better == pytest.approx(exact)
    assert worse > 0.9


def test_sampled_significance_is_near_the_exact_one():
    wins, losses = 30, 18
    exact = sum(math.comb(48, k) for k in range(wins, 49)) / 2**48
    better, _ = significance([Pair(0, 1)] * wins + [Pair(1, 0)] * losses, seed=3)
    assert better == pytest.approx(exact, abs=0.02)


def test_models_that_do_the_same_are_not_significant():
    assert significance([Pair(1, 1)] * 10, seed=1) == (1.0, 1.0)


def test_the_same_seed_gives_the_same_evaluation():
    answers = [answer(tuned="billing" if number % 3 else f"other {number}") for number in range(60)]
    assert score("classify", answers, seed=5) == score("classify", answers, seed=5)
    assert score("classify", answers, seed=5).samples != score("classify", answers, seed=6).samples


def test_samples_prefer_answers_that_differ_and_are_at_most_ten():
    differing = [answer(base="a", tuned=f"b{number}") for number in range(4)]
    alike = [answer(base=f"same {number}", tuned=f"same {number}") for number in range(30)]
    samples = score("chat", [*alike, *differing], seed=1).samples
    assert len(samples) == 10
    assert {one.tuned for one in samples[:4]} == {"b0", "b1", "b2", "b3"}
    assert len(score("chat", differing, seed=1).samples) == 4


def test_scoring_does_not_load_great_expectations():
    code = "import sys; from validation.scoring import score; print('great_expectations' in sys.modules)"
    root = Path(__file__).parents[2]
    printed = subprocess.run(
        [sys.executable, "-c", code], cwd=root, capture_output=True, text=True, check=True
    )
    assert printed.stdout.strip() == "False"
