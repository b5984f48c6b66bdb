from pathlib import Path
from uuid import uuid4

import pytest
from prefect.client.schemas.objects import FlowRun

from settings import settings
from tasks.retries import RESUMABLE
from tasks.wiring import forget_unless_retried


@pytest.mark.parametrize(("server", "stays"), [("", False), ("http://127.0.0.1:4200/api", True)])
def test_what_a_failed_or_stopped_run_handed_over_stays_where_a_server_can_retry_it(
    server: str, stays: bool, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PREFECT_API_URL", server)
    settings.cache_clear()
    run = FlowRun(flow_id=uuid4())
    handed = home / "work" / str(run.id) / "clean" / "rows.jsonl"
    handed.parent.mkdir(parents=True)
    handed.touch()
    for ending in ("on_failure", "on_crashed"):
        assert forget_unless_retried in RESUMABLE[ending]
    forget_unless_retried(flow=None, flow_run=run, state=None)
    assert handed.exists() is stays
