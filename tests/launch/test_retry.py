"""A failed run is retried through Prefect's API, by the worker of another machine."""

import shutil
import subprocess
from pathlib import Path

from tests.launch.conftest import Furnished
from tests.launch.following import ended, eventually, started, steps
from tests.prefect_server import BIN, environment, worker

PREPARED = {"admit", "ingest", "clean", "structure and split", "open job"}


def test_another_machine_goes_on_at_the_step_that_failed(
    furnished: Furnished, parcels: Path, tiny_base: str, tmp_path: Path
) -> None:
    api = furnished.api
    source, base = tmp_path / "parcels.csv", tmp_path / "base"
    shutil.copy(parcels, source)
    options = {"threads": 1, "checkpoint_seconds": 0}
    recipe = {"base_model": str(base), "epochs": 2, "learning_rate": 0.01, "rank": 4, "options": options}
    given = {"sources": [str(source)], "use_case": "Sort parcels into depots", "recipe": recipe}

    # the base model's folder is not complete yet: validation, which counts tokens, fails
    base.mkdir()
    shutil.copy(Path(tiny_base) / "config.json", base)
    first = tmp_path / "first"
    with worker("own-hardware", first, api, **furnished.shared):
        run_id = started(api, "fine-tune/own-hardware", given)
        failed = ended(api, run_id)
    assert failed["state"]["type"] == "FAILED", failed["state"]
    assert "can't be loaded" in failed["state"]["message"]
    before = steps(api, run_id, last="validate")
    assert before == {**dict.fromkeys(PREPARED | {"take up job"}, "Completed"), "validate": "Failed"}

    # the machine is gone, and so are the files that it read; the base model has come
    shutil.rmtree(first)
    source.unlink()
    shutil.copytree(tiny_base, base, dirs_exist_ok=True)
    second = tmp_path / "second"
    with worker("own-hardware", second, api, **furnished.shared):
        environ = environment(second, PREFECT_API_URL=api)
        retry = [str(BIN / "prefect"), "--no-prompt", "flow-run", "retry", run_id]
        subprocess.run(retry, env=environ, check=True)
        again = ended(api, run_id, failed["state_id"])
    assert again["state"]["type"] == "COMPLETED", again["state"]
    assert again["infrastructure_pid"] != failed["infrastructure_pid"]
    after = steps(api, run_id, last="publish")
    ran = {"take up job", "validate", "submit", "wait", "evaluate", "publish"}
    assert after == {**dict.fromkeys(PREPARED, "Cached"), **dict.fromkeys(ran, "Completed")}

    # who is to be told was told both times, in sentences
    eventually(lambda: any("Ready" in one["subject"] for one in furnished.told))
    subjects = {one["subject"].partition(":")[0]: one["text"] for one in furnished.told}
    assert "can't be loaded" in subjects["Failed"] and "save_pretrained" in subjects["Failed"]
    assert "held-out examples" in subjects["Ready"] and "luthier chat model-" in subjects["Ready"]
