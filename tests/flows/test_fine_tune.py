"""The main job through the real engine, on a tiny model."""

import hashlib
import json
import os
import shutil
import signal
import threading
import time
import zipfile
from pathlib import Path

import pytest

import launch
from errors import LuthierError, NotEnoughData, TrainingFailed
from providers.gpu.jobs import JobFolder
from providers.gpu.training.checkpoint import steps_done
from records import Job, Recipe, TunedModel
from tasks.wiring import open_registry

pytestmark = pytest.mark.usefixtures("prefect_server")
USE_CASE = "Sort parcels into depots"


def recipe(base: str, epochs: int = 2) -> Recipe:
    options = {"threads": 1, "checkpoint_seconds": 0}
    return Recipe(base_model=base, epochs=epochs, learning_rate=0.01, rank=4, options=options)


def fine_tune(source: Path, base: str, **more: object) -> TunedModel:
    parameters = {"sources": [str(source)], "use_case": USE_CASE, "recipe": recipe(base), **more}
    model = launch.run("fine_tune", parameters)
    assert isinstance(model, TunedModel)
    return model


def test_a_table_becomes_a_measured_and_published_model_that_can_be_traced(
    home: Path, tiny_base: str, parcels: Path, tmp_path: Path
) -> None:
    model = fine_tune(parcels, tiny_base, name="Parcels")
    registry = open_registry()

    job = registry.job(model.job_id)
    assert (job.status, job.name, job.failure) == ("succeeded", "Parcels", None)
    assert model.evaluation and model.evaluation.metric == "accuracy"
    assert model.evaluation.holdout_examples == registry.dataset(job.dataset_id).report.holdout > 0

    with zipfile.ZipFile(model.artifact or "") as archive:
        manifest = json.loads(archive.read("luthier.json"))
        assert {"adapter_config.json", "adapter_model.safetensors", "README.md"} <= set(archive.namelist())
        for name, digest in manifest["sha256"].items():
            assert hashlib.sha256(archive.read(name)).hexdigest() == digest
        assert model.display_name in archive.read("README.md").decode()
    assert manifest["dataset"] == job.dataset_id

    learned = list(registry.lineage(job.dataset_id))
    assert {example.sources[0].row for example in learned} == set(range(1, 61))
    assert [found.id for found in registry.models_with_source(parcels)] == [model.id]

    # the same bytes elsewhere: the same dataset and job, found and not made again
    elsewhere = tmp_path / "elsewhere" / "renamed.csv"
    elsewhere.parent.mkdir()
    shutil.copy(parcels, elsewhere)
    again = fine_tune(elsewhere, tiny_base)
    assert (again.id, again.job_id, again.dataset_id) == (model.id, model.job_id, model.dataset_id)
    assert again.created_at == model.created_at
    assert len(registry.jobs()) == 1


@pytest.mark.parametrize(
    ("base", "words"),
    [
        ("gemini-2.5-pro", "was shut down"),
        ("smollm2-135", "no base model called"),
        ("gemini-3.5-flash", "GOOGLE"),
    ],
)
def test_a_base_that_can_not_be_trained_is_refused_before_a_file_is_read(
    home: Path, base: str, words: str
) -> None:
    parameters = {"sources": ["/no/such/file.csv"], "use_case": USE_CASE, "recipe": Recipe(base_model=base)}
    with pytest.raises(LuthierError) as raised:
        launch.run("fine_tune", parameters)
    assert words in str(raised.value)
    assert open_registry().jobs() == []


def test_too_few_examples_fail_the_job_before_anything_is_trained(
    home: Path, tiny_base: str, tmp_path: Path
) -> None:
    few = tmp_path / "few.csv"
    few.write_text("question,answer\nWho calls?,The mill.\nWho waits?,The river.\nWho sings?,Nobody.\n")
    with pytest.raises(NotEnoughData) as raised:
        fine_tune(few, tiny_base)
    assert raised.value.report and not raised.value.report.ok
    job = open_registry().jobs()[0]
    assert job.status == "failed" and job.failure and job.failure.code == "not_enough_data"
    assert job.failure.message == raised.value.message
    assert not (home / "jobs" / job.id / "job.json").exists()
    with pytest.raises(NotEnoughData):
        launch.run("finish_job", {"job_id": job.id})


def test_a_killed_trainer_fails_the_job_and_a_retry_goes_on_with_it(
    home: Path, tiny_base: str, parcels: Path
) -> None:
    parameters = {"sources": [str(parcels)], "use_case": USE_CASE, "recipe": recipe(tiny_base, epochs=8)}
    started = launch.run("fine_tune", {**parameters, "to_the_end": False})
    assert isinstance(started, Job)
    folder = JobFolder(home / "jobs" / started.id)
    killer = threading.Thread(target=kill_at_step, args=(folder, 5))
    killer.start()
    with pytest.raises(TrainingFailed, match="SIGKILL") as raised:
        launch.run("finish_job", {"job_id": started.id})
    killer.join()
    assert "luthier jobs retry" in raised.value.hint
    assert "Warning" not in raised.value.message
    assert open_registry().job(started.id).status == "failed"

    model = launch.run("finish_job", {"job_id": started.id})
    assert isinstance(model, TunedModel)
    events = [event.message for event in folder.read_events()]
    assert any(message.startswith("Going on from step") for message in events)

    assert open_registry().job(model.job_id).status == "succeeded"


def kill_at_step(folder: JobFolder, step: int) -> None:
    """By its checkpoint: what a trainer reports is a second old, in which a tiny one comes to its end."""
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline:
        process = folder.process()
        if process and steps_done(folder.checkpoint) >= step:
            os.kill(process.pid, signal.SIGKILL)
            return
        time.sleep(0.01)
