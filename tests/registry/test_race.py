"""Two workers, real processes, submit the same jobs to one loopback vendor at the same time."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from records import Job, Recipe
from tests.vendors.openai_vendor import OpenAIVendor

ROOT = Path(__file__).parents[2]
JOBS = 20
WORKER = """
import sys
from pathlib import Path
from providers.openai.provider import OpenAI
from registry import Registry
from tasks import submit

url, home, vendor = sys.argv[1:]
registry = Registry(url, Path(home), "")
provider = OpenAI(api_key="sk-test", base_url=vendor, home=Path(home))
submit.LOOK_SECONDS = 0.01  # who comes second stays at the other's heels
print("ready", flush=True)
sys.stdin.readline()
for job in registry.jobs():
    registry.update_job(job.id, remote_id=submit.submitted_once(job, provider, registry))
"""


@pytest.fixture
def vendor() -> Iterator[OpenAIVendor]:
    with OpenAIVendor(checked=False) as made:
        yield made


def test_each_of_many_jobs_is_bought_once(registry, make_dataset, vendor, tmp_path):
    texts = [f"message number {number}" for number in range(13)]
    dataset = registry.keep_dataset(make_dataset(sources={"many.csv": texts}))
    for seed in range(JOBS):
        recipe = Recipe(
            base_model="gpt-4.1-mini-2025-04-14", epochs=1, seed=seed, options={"accept_retirement": True}
        )
        job_id = Job.id_for(dataset.id, recipe, 1)
        registry.add_job(Job(id=job_id, name="Race", provider="openai", dataset_id=dataset.id, recipe=recipe))
    arguments = [registry.url, str(registry.home), f"{vendor.url}/v1"]
    workers = [
        subprocess.Popen(
            [sys.executable, "-c", WORKER, *arguments],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        for _ in range(2)
    ]
    try:
        assert [worker.stdout.readline() for worker in workers] == [b"ready\n"] * 2
        for worker in workers:
            worker.stdin.write(b"\n")
            worker.stdin.flush()
        assert [worker.wait(timeout=240) for worker in workers] == [0, 0]
    finally:
        for worker in workers:
            worker.kill()
    bought = [made["metadata"]["luthier_job"] for made in vendor.jobs.values()]
    assert sorted(bought) == sorted(job.id for job in registry.jobs())
    assert {job.remote_id for job in registry.jobs()} == set(vendor.jobs)
