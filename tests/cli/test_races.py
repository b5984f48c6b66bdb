"""Two people, or one in two terminals, order the same model at the same moment."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from prefect.settings import PREFECT_API_URL

from tests.hosted import HOSTED, openai

LUTHIER = Path(sys.executable).with_name("luthier")


@pytest.mark.usefixtures("prefect_server")
def test_two_processes_that_order_the_same_model_pay_for_one_job(
    home: Path, parcels: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PREFECT_API_URL", str(PREFECT_API_URL.value()))
    asked = [str(LUTHIER), "train", str(parcels), "-u", "Sort parcels into depots", "--base-model", HOSTED]
    asked += ["--epochs", "1", "--option", "evaluate_on=2", "--json"]
    with openai(monkeypatch) as vendor:
        # long enough for the other one to come to the same point
        vendor.fault("POST", "/fine_tuning/jobs$", delay=3, when="after")
        racers = [
            subprocess.Popen(asked, env=dict(os.environ), stdout=subprocess.PIPE, text=True) for _ in range(2)
        ]
        made = [json.loads(racer.communicate(timeout=400)[0]) for racer in racers]
        assert [racer.returncode for racer in racers] == [0, 0], made
        assert (len(vendor.jobs), vendor.count("POST", "/fine_tuning/jobs$")) == (1, 1)
        assert vendor.count("POST", "/files$") == 1
    assert len({one["model"]["id"] for one in made}) == 1
