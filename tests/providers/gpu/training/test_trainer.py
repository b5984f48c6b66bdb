from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from errors import TrainingFailed
from providers.gpu.jobs import JobFolder
from providers.gpu.progress import Reporter, Stopped, StopSignal
from providers.gpu.template import Template, TokenRow
from providers.gpu.training import checkpoint
from providers.gpu.training.batching import Batch
from providers.gpu.training.scoring import Scorer
from providers.gpu.training.trainer import Trainer, learning_rate
from records import Message, Recipe

MakeTrainer = Callable[..., Trainer]


class StopAfter(StopSignal):
    """Asks to stop at the n-th look."""

    def __init__(self, looks: int):
        super().__init__()
        self.looks = looks

    def check(self) -> None:
        self.looks -= 1
        if self.looks < 0:
            raise Stopped


class Cramped(Scorer):
    """Runs out of memory when more than so many tokens are computed at once."""

    room = 75

    def losses(self, batch: Batch) -> torch.Tensor:
        if batch.tokens.numel() > self.room:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return super().losses(batch)


@pytest.fixture
def examples(bases: Callable[[str], Path], parcels: list[list[Message]]) -> list[list[TokenRow]]:
    template = Template(bases("qwen3"))
    return [template.rows(messages) for messages in parcels[:10]]


@pytest.fixture
def contrary(bases: Callable[[str], Path], parcels: list[list[Message]]) -> list[list[TokenRow]]:
    """The same parcels with other depots: who learns the ones gets worse at the others."""
    template = Template(bases("qwen3"))
    swapped = {"north": "south", "south": "east", "east": "west", "west": "north"}
    turned = [
        [*asked, Message(role="assistant", content=swapped[answer.content])]
        for *asked, answer in parcels[:10]
    ]
    return [template.rows(messages) for messages in turned]


@pytest.fixture
def job(tmp_path: Path) -> JobFolder:
    return JobFolder(tmp_path)


@pytest.fixture
def make(with_adapter: Callable[..., Any], recipe: Recipe, examples: list[list[TokenRow]]) -> MakeTrainer:
    """A trainer for three epochs of three steps of four examples."""

    def trainer(
        budget: int = 1000,
        stop: StopSignal | None = None,
        kind: str = "qwen3",
        scorer: type[Scorer] = Scorer,
        holdout: list[list[TokenRow]] | None = None,
        patience: int = 0,
        **changes: Any,
    ) -> Trainer:
        wanted = recipe.but(**{"epochs": 3, "options": recipe.options | {"patience": patience}, **changes})
        model = with_adapter(kind, wanted.options.get("top_layers"))
        reader = scorer(model.get_base_model())
        return Trainer(model, reader, examples, wanted, budget, stop or StopSignal(), holdout or [])

    return trainer


def weights(trainer: Trainer) -> torch.Tensor:
    return torch.cat([weight.detach().flatten() for weight in trainer.weights.values()])


def test_the_learning_rate_rises_and_falls() -> None:
    rates = [learning_rate(step, 100, 1.0, 0.05) for step in range(100)]
    assert rates[:6] == pytest.approx([0.2, 0.4, 0.6, 0.8, 1.0, 1.0])
    assert rates[5:] == sorted(rates[5:], reverse=True)
    assert rates[-1] == pytest.approx(0.1, abs=0.001)


def test_training_lowers_the_loss_and_says_where_it_is(make: MakeTrainer, job: JobFolder) -> None:
    trainer = make(epochs=10)
    state = trainer.run(job, Reporter(job))
    assert state.step == trainer.steps == 30
    assert sum(state.losses[-3:]) < 0.5 * sum(state.losses[:3])
    assert [event.message[:13] for event in job.read_events()][:2] == ["Epoch 1 of 10", "Epoch 2 of 10"]


def test_matrix_b_learns_so_many_times_as_fast(make: MakeTrainer, tmp_path: Path, recipe: Recipe) -> None:
    moved = []
    for ratio in (None, 4.0):
        job = JobFolder(tmp_path / str(ratio))
        job.path.mkdir()
        trainer = make(stop=StopAfter(1), options=recipe.options | {"loraplus_ratio": ratio, "clip": 1e6})
        before = {name: weight.detach().clone() for name, weight in trainer.weights.items()}
        with pytest.raises(Stopped):
            trainer.run(job, Reporter(job))
        moved.append({name: weight.detach() - before[name] for name, weight in trainer.weights.items()})
    plain, faster = moved
    for name in plain:
        torch.testing.assert_close(faster[name], plain[name] * (4 if ".lora_B." in name else 1))


def test_a_step_is_the_same_in_one_batch_or_in_several(make: MakeTrainer, tmp_path: Path) -> None:
    one, several = make(), make(budget=64)
    jobs = [JobFolder(tmp_path / name) for name in ("one", "several")]
    for trainer, job in zip((one, several), jobs, strict=True):
        job.path.mkdir()
        trainer.run(job, Reporter(job))
    assert several.state.losses == pytest.approx(one.state.losses, rel=1e-3)
    torch.testing.assert_close(weights(several), weights(one), rtol=1e-2, atol=1e-3)


ALL_LAYERS, UPPER_HALF, RESTING = {"loraplus_ratio": 4.0}, {"top_layers": 0.5}, {"known_at": 0.3}


# with layers below the adapter, the first look is at their reading
@pytest.mark.parametrize(
    ("more", "looks", "steps"),
    [
        *((ALL_LAYERS, n, n) for n in range(1, 9)),
        *((UPPER_HALF, n, max(0, n - 1)) for n in (0, 1, 5)),
        *((RESTING, n, n) for n in (3, 5)),
    ],
)
def test_a_run_that_stops_and_goes_on_ends_as_one_that_did_not(
    make: MakeTrainer, job: JobFolder, tmp_path: Path, recipe: Recipe, more: Any, looks: int, steps: int
) -> None:
    options = recipe.options | more
    straight = make(options=options)
    straight_job = JobFolder(tmp_path / "straight")
    straight_job.path.mkdir()
    straight.run(straight_job, Reporter(straight_job))

    with pytest.raises(Stopped):
        make(stop=StopAfter(looks), options=options).run(job, Reporter(job))
    assert checkpoint.steps_done(job.checkpoint) == steps
    resumed = make(options=options)
    resumed.run(job, Reporter(job))
    assert resumed.state.losses == straight.state.losses
    assert torch.equal(weights(resumed), weights(straight))


def test_the_upper_half_alone_is_trained_and_what_was_known_is_let_go(
    make: MakeTrainer, job: JobFolder, recipe: Recipe
) -> None:
    trainer = make(options=recipe.options | UPPER_HALF)
    trainer.run(job, Reporter(job))
    assert {name.split(".layers.")[1][0] for name in trainer.weights} == {"1"}
    assert trainer.scorer.below is None


class Counting(Scorer):
    """Notes how many rows each batch has that is learned from."""

    def __init__(self, *given: Any) -> None:
        self.rows: list[int] = []
        super().__init__(*given)

    def losses(self, batch: Batch) -> torch.Tensor:
        self.rows += [len(batch.paths)]
        return super().losses(batch)


def test_what_is_known_rests_two_epochs_and_is_read_again(
    make: MakeTrainer, job: JobFolder, recipe: Recipe
) -> None:
    # whatever probability an answer has, it counts as known
    trainer = make(scorer=Counting, epochs=8, options=recipe.options | {"known_at": 1e-9})
    state = trainer.run(job, Reporter(job))
    assert trainer.scorer.rows == 3 * [4, 4, 2], "in the epochs 1, 4 and 7"
    assert state.step == 24
    assert {epoch for epoch, _ in state.readings.values()} == {6}
    by_epoch = [sum(state.losses[i : i + 3]) for i in range(0, 24, 3)]
    assert by_epoch[3] < 0.9 * by_epoch[0] and by_epoch[6] < 0.9 * by_epoch[3]
    # in between a loss is what was last found
    assert by_epoch[1:3] == pytest.approx([by_epoch[0]] * 2, rel=0.05)


def test_what_is_not_known_is_read_in_each_epoch(
    make: MakeTrainer, job: JobFolder, tmp_path: Path, recipe: Recipe
) -> None:
    plain, careful = make(), make(scorer=Counting, options=recipe.options | {"known_at": 0.9999})
    plain.run(job, Reporter(job))
    other = JobFolder(tmp_path / "other")
    other.path.mkdir()
    careful.run(other, Reporter(other))
    assert careful.scorer.rows == 3 * [4, 4, 2]
    assert not plain.state.readings
    assert torch.equal(weights(careful), weights(plain))


def test_what_rests_leaves_the_gradient_of_the_others_as_it_is(make: MakeTrainer) -> None:
    trainer = make()

    def gradients() -> torch.Tensor:
        return torch.cat([weight.grad.flatten().clone() for weight in trainer.weights.values()])

    whole_losses = trainer._gradients([0, 1, 2, 3], 20)
    whole = gradients()
    trainer.optimizer.zero_grad()
    losses = torch.cat([trainer._gradients([0, 2], 20), trainer._gradients([3, 1], 20)])
    torch.testing.assert_close(losses, whole_losses[[0, 2, 3, 1]])
    torch.testing.assert_close(gradients(), whole)


def test_where_the_held_out_loss_rises_it_stops_and_keeps_the_best_adapter(
    make: MakeTrainer, job: JobFolder, contrary: list[list[TokenRow]]
) -> None:
    trainer = make(holdout=contrary, patience=2, epochs=30)
    state = trainer.run(job, Reporter(job))
    held = dict(state.holdout)
    assert held[state.best] == min(held.values())
    assert state.step == state.best + 2 * trainer.steps_per_epoch < trainer.steps
    assert trainer.watch.measure(lambda: None) == held[state.best]
    said = [event.message for event in job.read_events()]
    assert any(message.startswith("Stopped early, after step") for message in said)
    assert said[-1] == f"The adapter of step {state.best} is kept: there the held-out loss was lowest."
    measured = [event.metrics for event in job.read_events() if "holdout_loss" in event.metrics]
    assert [(figures["step"], figures["holdout_loss"]) for figures in measured] == state.holdout

    again = make(holdout=contrary, patience=2, epochs=30)
    assert again.run(job, Reporter(job)).losses == state.losses
    assert torch.equal(weights(again), weights(trainer))


@pytest.mark.parametrize("looks", range(3, 30, 2))
def test_stopped_while_it_measures_it_comes_to_the_same_end(
    make: MakeTrainer, job: JobFolder, tmp_path: Path, contrary: list[list[TokenRow]], looks: int
) -> None:
    straight_job = JobFolder(tmp_path / "straight")
    straight_job.path.mkdir()
    straight = make(holdout=contrary, patience=2, epochs=8)
    straight.run(straight_job, Reporter(straight_job))

    with pytest.raises(Stopped):
        make(holdout=contrary, patience=2, epochs=8, stop=StopAfter(looks)).run(job, Reporter(job))
    resumed = make(holdout=contrary, patience=2, epochs=8)
    resumed.run(job, Reporter(job))
    assert resumed.state.holdout == straight.state.holdout
    assert resumed.state.losses == straight.state.losses
    assert torch.equal(weights(resumed), weights(straight))


def test_a_finished_run_does_nothing_more(make: MakeTrainer, job: JobFolder) -> None:
    first = make()
    first.run(job, Reporter(job))
    again = make()
    assert again.run(job, Reporter(job)).losses == first.state.losses
    assert torch.equal(weights(again), weights(first))


def test_rows_of_an_unshared_architecture_are_trained_too(make: MakeTrainer, job: JobFolder) -> None:
    trainer = make(kind="qwen3_5_text", epochs=6)
    losses = trainer.run(job, Reporter(job)).losses
    assert not trainer.scorer.shares
    assert sum(losses[-3:]) < sum(losses[:3])


def test_a_loss_that_is_no_number_stops_the_run_with_advice(make: MakeTrainer, job: JobFolder) -> None:
    trainer = make()
    trainer.run(job, Reporter(job))
    before = job.checkpoint.read_bytes()
    diverging = make(epochs=6)
    checkpoint.load(job.checkpoint, diverging.weights, None)
    with torch.no_grad():
        next(iter(diverging.weights.values())).fill_(float("inf"))
    with pytest.raises(TrainingFailed, match="diverged at step 10") as raised:
        diverging.state = checkpoint.TrainingState(step=9)
        diverging._learn(diverging._gradients([0], 1), 0.1)
    assert "lower learning rate" in raised.value.hint
    assert job.checkpoint.read_bytes() == before


def test_a_learning_rate_far_too_high_ends_with_advice(make: MakeTrainer, job: JobFolder) -> None:
    with pytest.raises(TrainingFailed, match="diverged at step") as raised:
        make(learning_rate=1e20, epochs=20).run(job, Reporter(job))
    assert "lower learning rate" in raised.value.hint


def test_weights_that_are_no_numbers_are_not_kept(make: MakeTrainer, job: JobFolder) -> None:
    trainer = make()
    trainer.run(job, Reporter(job))
    before = job.checkpoint.read_bytes()
    with torch.no_grad():
        next(iter(trainer.weights.values()))[0, 0] = float("nan")
    with pytest.raises(TrainingFailed):
        checkpoint.save(job.checkpoint, trainer.state, trainer.weights, trainer.optimizer)
    assert job.checkpoint.read_bytes() == before


@pytest.mark.parametrize("left", [0, 100])
def test_a_checkpoint_that_can_t_be_read_costs_its_steps_and_no_more(
    make: MakeTrainer, job: JobFolder, left: int
) -> None:
    whole = make()
    losses = whole.run(job, Reporter(job)).losses
    job.checkpoint.write_bytes(job.checkpoint.read_bytes()[:left])
    assert checkpoint.steps_done(job.checkpoint) == 0
    assert not checkpoint.has_ended(job.checkpoint, whole.steps)
    again = make()
    assert again.run(job, Reporter(job)).losses == losses
    assert checkpoint.has_ended(job.checkpoint, whole.steps)


def test_where_memory_runs_out_less_is_computed_at_once(
    make: MakeTrainer, job: JobFolder, tmp_path: Path
) -> None:
    roomy_job = JobFolder(tmp_path / "roomy")
    roomy_job.path.mkdir()
    roomy = make()
    roomy.run(roomy_job, Reporter(roomy_job))
    cramped = make(scorer=Cramped)
    cramped.run(job, Reporter(job))
    assert cramped.budget < 1000
    assert cramped.state.losses == pytest.approx(roomy.state.losses, rel=1e-3)
    assert any("Out of memory" in event.message for event in job.read_events())


def test_a_row_that_never_fits_ends_with_advice(make: MakeTrainer, job: JobFolder) -> None:
    class Tiny(Cramped):
        room = 5

    with pytest.raises(TrainingFailed, match="memory is too small") as raised:
        make(scorer=Tiny).run(job, Reporter(job))
    assert "max_tokens" in raised.value.hint


def test_recomputing_activations_changes_nothing(make: MakeTrainer, job: JobFolder, tmp_path: Path) -> None:
    plain, recomputing = make(), make()
    recomputing.model.train()
    recomputing.model.enable_input_require_grads()
    recomputing.scorer.model.gradient_checkpointing_enable({"use_reentrant": False})
    plain.run(job, Reporter(job))
    other = JobFolder(tmp_path / "other")
    other.path.mkdir()
    assert recomputing.run(other, Reporter(other)).losses == pytest.approx(plain.state.losses, rel=1e-4)
