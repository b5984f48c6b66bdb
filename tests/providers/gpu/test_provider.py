import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

import processes
from errors import InvalidData, NotConfigured, NotFound, TrainingFailed
from providers.gpu.device import ENVIRONMENT
from providers.gpu.jobs import JobFolder
from providers.gpu.options import Options, completed
from providers.gpu.provider import ROOT, Gpu
from providers.gpu.training import checkpoint
from records import ENDED, ChatOptions, Dataset, Example, Message, Progress, Recipe, TokenCount, Usage
from tests.providers.gpu.forked import ForkingGpu

PATIENCE = 120


@pytest.fixture
def forking(tmp_path: Path) -> Iterator[ForkingGpu]:
    gpu = ForkingGpu(tmp_path / "home")
    yield gpu
    for process in gpu.processes:
        process.kill()
        process.join()


def finished(gpu: Gpu, remote_id: str) -> Progress:
    give_up = time.monotonic() + PATIENCE
    while (progress := gpu.poll(remote_id)).status not in ENDED:
        assert time.monotonic() < give_up, progress
        time.sleep(0.02)
    return progress


def until(condition: Callable[[], bool]) -> None:
    give_up = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < give_up
        time.sleep(0.001)


def folder_of(gpu: Gpu, label: str) -> JobFolder:
    return JobFolder(gpu.home / "jobs" / label)


def test_a_job_trains_evaluates_and_exports(gpu: Gpu, dataset: Dataset, recipe: Recipe) -> None:
    """The one test of the trainer as the process that it is."""
    remote_id = gpu.start(dataset, recipe, "job-1")
    assert gpu.poll(remote_id).status in ("queued", "in_progress")
    assert gpu.start(dataset, recipe, "job-1") == remote_id == gpu.find("job-1") == "job-1"
    until(lambda: folder_of(gpu, "job-1").process() is not None)
    trainer = folder_of(gpu, "job-1").process()
    assert trainer and trainer.environ()["GOMP_SPINCOUNT"] == ENVIRONMENT["GOMP_SPINCOUNT"]
    # glibc may take the list apart where it stands
    told = trainer.environ()["GLIBC_TUNABLES"]
    assert told and ENVIRONMENT["GLIBC_TUNABLES"].startswith(told)
    progress = finished(gpu, remote_id)
    assert (progress.status, progress.step, progress.steps) == ("succeeded", 60, 60)
    assert progress.metrics["epoch"] == 20
    assert progress.losses[-1][0] == 60
    assert [step for step, _ in progress.holdout_losses] == list(range(3, 61, 3))

    outcome = gpu.outcome(remote_id)
    assert outcome.metrics["loss"] < 2
    assert outcome.metrics["tuned_loss"] < outcome.metrics["base_loss"]
    assert outcome.base_revision.startswith("sha256:")
    assert outcome.base_name == recipe.base_model
    adapter = Path(outcome.reference)
    assert sorted(path.name for path in adapter.iterdir()) == [
        "adapter_config.json",
        "adapter_model.safetensors",
        "chat_template.jinja",
        "golden.json",
        "loss.json",
        "loss.svg",
        "tokenizer.json",
        "tokenizer_config.json",
    ]
    config = json.loads((adapter / "adapter_config.json").read_text())
    assert (config["base_model_name_or_path"], config["r"]) == (recipe.base_model, 4)
    assert len(json.loads((adapter / "loss.json").read_text())["loss"]) == 60

    answers = gpu.answers(remote_id, dataset, recipe)
    assert [answer.expected for answer in answers] == ["north", "south", "east", "west"]
    assert answers[0].prompt == "the coast, please"
    assert all(answer.tuned_loss is not None and answer.tokens for answer in answers)
    # a done job is left alone
    gpu.start(dataset, recipe, "job-1")
    assert gpu.poll(remote_id).status == "succeeded"
    assert not folder_of(gpu, "job-1").checkpoint.exists()


def test_killed_at_any_moment_it_goes_on_to_the_same_adapter(
    forking: ForkingGpu, dataset: Dataset, recipe: Recipe
) -> None:
    forking.start(dataset, recipe, "straight")
    assert finished(forking, "straight").status == "succeeded"

    job = folder_of(forking, "killed")
    for step in (1, 9, 23, 41):
        forking.start(dataset, recipe, "killed")
        until(lambda step=step: checkpoint.steps_done(job.checkpoint) >= step)
        forking.processes[-1].kill()
        forking.processes[-1].join()
        progress = forking.poll("killed")
        assert progress.status == "failed"
        assert progress.failure and "jobs retry killed" in progress.failure.hint
    forking.start(dataset, recipe, "killed")
    assert finished(forking, "killed").status == "succeeded"

    for name in ("adapter_model.safetensors", "adapter_config.json", "loss.json", "loss.svg"):
        straight, killed = (folder_of(forking, label).adapter / name for label in ("straight", "killed"))
        assert killed.read_bytes() == straight.read_bytes()
    assert (
        forking.outcome("killed").metrics["final_loss"] == forking.outcome("straight").metrics["final_loss"]
    )


def test_killed_between_the_stages_it_does_the_rest_only(
    forking: ForkingGpu, dataset: Dataset, recipe: Recipe
) -> None:
    job = folder_of(forking, "job-1")
    for done in (job.answers, job.adapter, job.result):
        forking.start(dataset, recipe, "job-1")
        until(done.exists)
        forking.processes[-1].kill()
        forking.processes[-1].join()
    forking.start(dataset, recipe, "job-1")
    assert finished(forking, "job-1").status == "succeeded"
    trained = [event for event in forking.events("job-1") if event.message.startswith("Training on")]
    assert len(trained) == 1


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGINT])
def test_a_machine_that_shuts_down_is_a_fault_that_passes(
    forking: ForkingGpu, dataset: Dataset, recipe: Recipe, how: signal.Signals
) -> None:
    forking.start(dataset, recipe, "job-1")
    until(lambda: checkpoint.steps_done(folder_of(forking, "job-1").checkpoint) >= 2)
    os.kill(forking.processes[-1].pid, how)
    forking.processes[-1].join(PATIENCE)
    assert forking.processes[-1].exitcode == 143
    progress = forking.poll("job-1")
    assert progress.status == "failed" and progress.failure and progress.failure.transient
    assert progress.message.endswith("; a checkpoint is kept.")
    forking.start(dataset, recipe, "job-1")
    forking.cancel("job-1")
    assert forking.poll("job-1").status == "cancelled"


def test_cancelled_it_keeps_a_checkpoint_and_can_go_on(
    forking: ForkingGpu, dataset: Dataset, recipe: Recipe
) -> None:
    forking.start(dataset, recipe, "job-1")
    job = folder_of(forking, "job-1")
    until(lambda: checkpoint.steps_done(job.checkpoint) >= 2)
    forking.cancel("job-1")
    forking.processes[-1].join(PATIENCE)
    assert forking.processes[-1].exitcode == 143
    progress = forking.poll("job-1")
    assert (progress.status, progress.failure) == ("cancelled", None)
    done = checkpoint.steps_done(job.checkpoint)
    assert 2 <= done < 60

    forking.start(dataset, recipe, "job-1")
    assert finished(forking, "job-1").status == "succeeded"
    assert any(f"Going on from step {done} of 60." == event.message for event in forking.events("job-1"))


def test_only_one_process_trains_a_job(forking: ForkingGpu, dataset: Dataset, recipe: Recipe) -> None:
    job = folder_of(forking, "job-1")
    forking.start(dataset, recipe.but(epochs=50), "job-1")
    until(job.is_running)
    second = forking.fork(job)
    second.join(PATIENCE)
    assert second.exitcode == 0
    assert forking.poll("job-1").status in ("queued", "in_progress")
    assert "Another process trains" in job.log.read_text()


def test_a_failure_reaches_the_one_who_asks(forking: ForkingGpu, dataset: Dataset, recipe: Recipe) -> None:
    forking.start(dataset, recipe.but(learning_rate=1e30), "job-1")
    progress = finished(forking, "job-1")
    assert progress.status == "failed"
    assert progress.failure and progress.failure.code == "training_failed"
    assert "diverged" in progress.message == progress.failure.message
    assert "lower learning rate" in progress.failure.hint
    with pytest.raises(TrainingFailed, match="made no model"):
        forking.outcome("job-1")
    assert forking.events("job-1")[-1].level == "error"


def test_a_process_that_dies_at_once_is_reported_with_its_last_words(
    gpu: Gpu, dataset: Dataset, recipe: Recipe
) -> None:
    gpu.start(dataset, recipe, "job-1")
    job = folder_of(gpu, "job-1")
    gpu.cancel("job-1")
    # what a crash of the interpreter leaves: a state that says "in progress", a log, and no process
    job.write_progress(Progress(status="in_progress", message="Training", step=3, steps=9))
    job.log.write_text("loading\nSegmentation fault\n")
    progress = gpu.poll("job-1")
    assert (progress.status, progress.step) == ("failed", 3)
    assert progress.failure and progress.failure.code == "training_failed"
    assert "Segmentation fault" in progress.failure.message


def test_a_reused_process_number_is_not_the_trainer(gpu: Gpu, dataset: Dataset, recipe: Recipe) -> None:
    job = folder_of(gpu, "job-1")
    job.path.mkdir(parents=True)
    job.spec.write_text("{}")
    state = {"progress": {"status": "in_progress"}, "pid": os.getpid()}
    state |= {"process_started": f"{processes.place()}.1"}
    job.progress.write_text(json.dumps({**state, "updated_at": "2026-01-01T00:00:00Z"}))
    assert job.process() is None
    assert gpu.poll("job-1").status == "failed"
    gpu.cancel("job-1")
    assert gpu.poll("job-1").status == "cancelled"


def test_the_adapter_answers_as_it_does_in_peft(
    forking: ForkingGpu, dataset: Dataset, recipe: Recipe, parcels: list[list[Message]]
) -> None:
    from peft import AutoPeftModelForCausalLM
    from transformers import AutoTokenizer

    forking.start(dataset, recipe, "job-1")
    assert finished(forking, "job-1").status == "succeeded"
    reference = forking.outcome("job-1").reference
    model = AutoPeftModelForCausalLM.from_pretrained(reference)
    tokenizer = AutoTokenizer.from_pretrained(reference)
    for messages in parcels[:8]:
        asked = [{"role": message.role, "content": message.content} for message in messages[:2]]
        inputs = tokenizer.apply_chat_template(
            asked, add_generation_prompt=True, enable_thinking=False, return_tensors="pt"
        )
        out = model.generate(**inputs, max_new_tokens=12, do_sample=False)
        expected = tokenizer.decode(out[0, inputs["input_ids"].shape[1] :], skip_special_tokens=True)
        *pieces, usage = forking.chat(recipe.base_model, reference, messages[:2], ChatOptions(max_tokens=12))
        assert "".join(map(str, pieces)) == expected
        assert isinstance(usage, Usage)


def test_the_same_recipe_makes_the_same_bytes(forking: ForkingGpu, dataset: Dataset, recipe: Recipe) -> None:
    short = recipe.but(epochs=2)
    for label in ("one", "two"):
        forking.start(dataset, short, label)
        assert finished(forking, label).status == "succeeded"
    one, two = (
        load_file(folder_of(forking, label).adapter / "adapter_model.safetensors") for label in ("one", "two")
    )
    assert one.keys() == two.keys()
    assert all(torch.equal(one[name], two[name]) for name in one)


def test_a_base_that_can_t_be_had_is_refused_before_anything_is_read(gpu: Gpu, tmp_path: Path) -> None:
    with pytest.raises(NotConfigured, match="was not found"):
        gpu.admit(Recipe(base_model=str(tmp_path / "gone")))
    broken = tmp_path / "broken"
    broken.mkdir()
    (broken / "config.json").write_text("{")
    with pytest.raises(NotConfigured, match="broken can't be loaded"):
        gpu.admit(Recipe(base_model=str(broken)))


def test_defaults_follow_the_amount_of_data(gpu: Gpu, dataset: Dataset) -> None:
    def planned(train: int, base: str = "smollm2-135m", kind: str = "chat") -> Recipe:
        report = dataset.report.but(train=train)
        return gpu.plan(dataset.but(report=report, kind=kind), Recipe(base_model=base))

    assert [planned(n).epochs for n in (20, 100, 225, 5_000, 50_000)] == [8, 5, 3, 2, 1]
    assert [planned(n, kind="classify").epochs for n in (100, 225, 900)] == [5, 3, 3]
    assert planned(225, "Qwen/Qwen3-8B", "classify").epochs == 5
    assert [planned(n).rank for n in (225, 50_000)] == [16, 32]
    rates = [planned(225, base).learning_rate for base in ("smollm2-135m", "Qwen/Qwen3-8B", "Qwen/Qwen3-32B")]
    assert rates == [1e-3, 2e-4, 1e-4]
    asked = Recipe(epochs=7, learning_rate=5e-5, rank=2)
    assert gpu.plan(dataset, asked) == asked


def test_matrix_b_learns_faster_where_many_labels_are_taught_to_a_small_base() -> None:
    def ratio(base: str, kind: str = "classify", examples: int = 200, **asked: float) -> float | None:
        return completed(Options(**asked), base, kind, examples).loraplus_ratio

    assert [ratio(base) for base in ("smollm2-135m", "Qwen/Qwen3-8B", "some/base")] == [4, 1, 1]
    assert ratio("smollm2-135m", "chat") == ratio("smollm2-135m", examples=12) == 1
    assert ratio("smollm2-135m", loraplus_ratio=2) == ratio("some/base", "chat", loraplus_ratio=2) == 2


def test_the_upper_half_is_enough_for_many_labels_on_a_small_base() -> None:
    def top(base: str, kind: str = "classify", examples: int = 200, **asked: float) -> float | None:
        return completed(Options(**asked), base, kind, examples).top_layers

    assert [top(base) for base in ("smollm2-135m", "Qwen/Qwen3-8B", "some/base")] == [0.5, 1, 1]
    assert top("smollm2-135m", "chat") == top("smollm2-135m", examples=12) == 1
    assert top("smollm2-135m", top_layers=1) == 1
    assert top("some/base", "chat", top_layers=0.25) == 0.25


def test_many_labels_rest_once_a_small_base_knows_them() -> None:
    def known(base: str, kind: str = "classify", examples: int = 200, **asked: float) -> float | None:
        return completed(Options(**asked), base, kind, examples).known_at

    assert [known(base) for base in ("smollm2-135m", "Qwen/Qwen3-8B", "some/base")] == [0.98, 1, 1]
    assert known("smollm2-135m", "chat") == known("smollm2-135m", examples=12) == 1
    assert known("smollm2-135m", known_at=1) == 1
    assert known("some/base", "chat", known_at=0.5) == 0.5


def test_a_check_names_what_is_too_long_and_what_it_will_take(
    gpu: Gpu, dataset: Dataset, recipe: Recipe
) -> None:
    short = recipe.but(options={"max_tokens": 51})
    findings = {finding.rule: finding for finding in gpu.check(dataset, short)}
    assert findings["example_too_long"].count == 1
    assert "minute" in findings["estimated_cost"].message
    nothing = {finding.rule: finding for finding in gpu.check(dataset, recipe.but(options={"max_tokens": 8}))}
    assert nothing["nothing_to_learn"].severity == "error"
    few = {finding.rule for finding in gpu.check(dataset, recipe.but(epochs=1))}
    assert "few_steps" in few


def test_unknown_options_and_bases_are_refused_before_anything_starts(
    gpu: Gpu, dataset: Dataset, recipe: Recipe, tmp_path: Path
) -> None:
    with pytest.raises(InvalidData, match="batch_size"):
        gpu.check(dataset, recipe.but(options={"batch_size": 8}))
    with pytest.raises(NotConfigured, match=r"config\.json is missing"):
        gpu.check(dataset, recipe.but(base_model=str(tmp_path)))
    with pytest.raises(NotConfigured, match="was not found"):
        gpu.check(dataset, recipe.but(base_model="no-such-model"))
    with pytest.raises(NotFound):
        gpu.poll("job-unknown")
    assert gpu.find("job-unknown") is None


def test_examples_are_measured_as_they_will_be_trained(
    gpu: Gpu, recipe: Recipe, parcels: list[list[Message]]
) -> None:
    examples = [Example(messages=tuple(messages), sources=(), kind="classify") for messages in parcels[:2]]
    silent = examples[0].but(messages=examples[0].messages[:2])
    counts = list(gpu.measure(recipe.base_model, [*examples, silent]))
    assert counts[2] == TokenCount(total=0, trainable=0)
    assert all(0 < count.trainable < count.total and not count.cut for count in counts[:2])


def test_measuring_needs_no_torch(recipe: Recipe, tmp_path: Path, parcels: list[list[Message]]) -> None:
    example = Example(messages=tuple(parcels[0]), sources=(), kind="classify").model_dump_json()
    code = (
        "import sys; from pathlib import Path\n"
        "from providers.gpu.provider import Gpu; from records import Example\n"
        f"gpu = Gpu(Path({str(tmp_path)!r}));"
        f"examples = [Example.model_validate_json({example!r})];"
        f"first = list(gpu.measure({recipe.base_model!r}, examples));"
        "print(first[0].total, 'torch' in sys.modules)"
    )
    runs = [
        subprocess.run(
            [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
        ).stdout
        for _ in range(2)
    ]
    # the first may need transformers, and with it torch, to convert the tokenizer
    assert runs[1].split()[1] == "False"
    assert runs[0].split()[0] == runs[1].split()[0]


def test_within_a_limit_of_memory_it_computes_less_at_once_and_learns_the_same(
    tmp_path: Path, recipe: Recipe, make_dataset: Callable[..., Dataset]
) -> None:
    texts = [f"{i * 7919 % 1000} crates, then {i * 104729 % 997} boxes and {i} letters" for i in range(256)]
    rows = [
        [Message(role="user", content=text), Message(role="assistant", content="north" if i % 2 else "south")]
        for i, text in enumerate(texts)
    ]
    dataset = make_dataset(rows, rows[:4])
    at_once = {"batch_examples": 256, "batch_tokens": 50_000, "evaluate_examples": 1}
    wanted = recipe.but(epochs=2, options=recipe.options | at_once)
    roomy, cramped = ForkingGpu(tmp_path / "roomy"), ForkingGpu(tmp_path / "cramped", room=400 * 2**20)
    losses = []
    for gpu in (roomy, cramped):
        gpu.start(dataset, wanted, "job-1")
        assert finished(gpu, "job-1").status == "succeeded"
        losses.append(json.loads((folder_of(gpu, "job-1").adapter / "loss.json").read_text())["loss"])
    assert losses[1] == pytest.approx(losses[0], rel=1e-3)
    told = [[event.message for event in gpu.events("job-1")] for gpu in (roomy, cramped)]
    assert [any("Out of memory" in message for message in said) for said in told] == [False, True]
