"""Files read in batches by Prefect's task runners give the rows that one process gives."""

from pathlib import Path

import pytest

from errors import NotConfigured
from tasks.runners import runner_of

INSTALLED = {"dask": "prefect_dask", "ray": "prefect_ray"}


@pytest.mark.parametrize("runner", ["threads", "processes", "dask", "ray"])
def test_batches_on_a_task_runner_give_the_rows_of_one_step(
    runner: str, home: Path, prefect_server: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if library := INSTALLED.get(runner):
        pytest.importorskip(library)
    from prefect import flow

    import tasks.ingest

    folder = tmp_path / "files"
    for number in range(9):
        (folder / str(number % 2)).mkdir(parents=True, exist_ok=True)
        (folder / str(number % 2) / f"{number}.txt").write_text(f"The ferry number {number} leaves at noon.")
    (folder / "empty.txt").write_text("")
    read = flow(tasks.ingest.ingest.fn)
    expected = read([str(folder)])
    monkeypatch.setattr(tasks.ingest, "BATCH", 4)
    monkeypatch.setenv("LUTHIER_TASK_RUNNER", runner)
    tasks.ingest.settings.cache_clear()
    found = read([str(folder)])
    assert found.uri != expected.uri
    assert Path(found.uri).read_bytes() == Path(expected.uri).read_bytes()
    assert (found.count, found.files, found.dropped) == (expected.count, expected.files, expected.dropped)


def test_a_task_runner_that_is_none_is_told() -> None:
    assert runner_of("") is None
    for setting in ("spark", "threads=4"):
        with pytest.raises(NotConfigured, match=f"no task runner “{setting}”") as told:
            runner_of(setting)
        assert "dask=ADDRESS" in told.value.hint
