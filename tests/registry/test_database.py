import sqlite3
import subprocess
import sys
import threading
from pathlib import Path
from shutil import disk_usage

import pytest

from errors import NotConfigured, NotFound, Unavailable
from registry import Registry
from registry.engine import address_of


def test_a_registry_is_made_on_first_use_and_not_before(tmp_path):
    home = tmp_path / "new" / "home"
    registry = Registry(f"sqlite:///{home / 'luthier.db'}", home, str(home / "artifacts"))
    assert not home.exists()
    assert registry.models() == []
    assert (home / "luthier.db").is_file()


def test_sqlite_is_in_wal_mode(tmp_path):
    Registry(f"sqlite:///{tmp_path / 'luthier.db'}", tmp_path, "").jobs()
    with sqlite3.connect(tmp_path / "luthier.db") as connection:
        assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)


def test_a_file_that_is_no_database_is_reported_with_its_address(tmp_path):
    path = tmp_path / "notes.db"
    path.write_text("not a database, but a long enough text file to be looked at as one\n" * 50)
    with pytest.raises(NotConfigured, match=r"notes\.db"):
        Registry(f"sqlite:///{path}", tmp_path, "").jobs()


@pytest.mark.parametrize("url", ["nonsense", "oracle+nothing://host/name", "postgresql+nodriver://host/name"])
def test_an_address_that_cannot_be_used_is_not_configured(url, tmp_path):
    with pytest.raises(NotConfigured, match="address"):
        Registry(url, tmp_path, "").jobs()


def test_a_folder_that_cannot_be_made_is_not_configured(tmp_path):
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(NotConfigured, match="folder"):
        Registry(f"sqlite:///{tmp_path}/file/luthier.db", tmp_path, "").jobs()


def test_a_database_that_cannot_be_opened_is_unavailable(tmp_path):
    (tmp_path / "luthier.db").mkdir()
    with pytest.raises(Unavailable, match=r"luthier\.db"):
        Registry(f"sqlite:///{tmp_path / 'luthier.db'}", tmp_path, "").jobs()


def test_a_full_disk_is_named_which_sqlite_does_not(tmp_path, monkeypatch):
    (tmp_path / "luthier.db").mkdir()
    full = disk_usage(tmp_path)._replace(free=0)
    monkeypatch.setattr("registry.database.disk_usage", lambda _: full)
    with pytest.raises(Unavailable) as caught:
        Registry(f"sqlite:///{tmp_path / 'luthier.db'}", tmp_path, "").jobs()
    assert f"No space is left on the disk of {tmp_path}" in caught.value.hint


def test_a_password_in_the_address_is_never_shown(tmp_path):
    with pytest.raises(NotConfigured) as caught:
        Registry(f"sqlite://me:secret@/{tmp_path}/luthier.db", tmp_path, "").jobs()
    assert "me:***@" in caught.value.message


def test_a_transaction_that_fails_leaves_nothing(registry, make_job):
    registry.add_job(make_job())
    with pytest.raises(ValueError, match="status"):
        registry.update_job(make_job().id, name="changed", status="nonsense")
    assert registry.job(make_job().id).name == "Tickets"


def test_an_id_may_be_shortened_as_long_as_it_is_unique(registry, make_job):
    jobs = [registry.add_job(make_job(attempt=attempt)) for attempt in range(1, 4)]
    wanted = jobs[1].id
    assert registry.job(wanted).id == wanted
    assert registry.job(wanted[:-4]).id == wanted
    assert registry.job(wanted.removeprefix("job-")[:8]).id == wanted


@pytest.mark.parametrize("key", ["", "job-", "job", "j", "%", "job-%%%%", "____", "no-such-job"])
def test_what_names_no_job_is_not_found_with_a_hint(key, registry, make_job):
    registry.add_job(make_job())
    with pytest.raises(NotFound) as caught:
        registry.job(key)
    assert "luthier jobs" in caught.value.hint


def test_an_ambiguous_start_names_the_candidates(registry, make_job):
    for name in ("job-abcd000000000001", "job-abcd000000000002"):
        registry.add_job(make_job().but(id=name))
    with pytest.raises(NotFound, match="job-abcd000000000001, job-abcd000000000002") as caught:
        registry.job("abcd")
    assert "more characters" in caught.value.hint


def test_processes_that_open_a_new_registry_at_once_all_succeed(empty_database_url):
    code = "from pathlib import Path; from registry import Registry; "
    code += f"Registry({empty_database_url!r}, Path('.'), '').jobs()"
    root = Path(__file__).parents[2]
    running = [
        subprocess.Popen([sys.executable, "-c", code], cwd=root, stderr=subprocess.PIPE) for _ in range(4)
    ]
    outcomes = [(process.communicate()[1].decode(), process.returncode) for process in running]
    assert outcomes == [("", 0)] * 4


def test_threads_that_open_a_new_registry_at_once_all_succeed(empty_database_url, tmp_path):
    failures = []

    def read() -> None:
        try:
            Registry(empty_database_url, tmp_path, "").jobs()
        except (NotConfigured, Unavailable) as error:
            failures.append(error)

    threads = [threading.Thread(target=read) for _ in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []


def test_opening_the_registry_loads_no_heavy_library(tmp_path):
    Registry(f"sqlite:///{tmp_path}/luthier.db", tmp_path, "").models()
    code = (
        "import sys; from pathlib import Path; from registry import Registry; "
        f"Registry('sqlite:///{tmp_path}/luthier.db', Path('.'), '').models(); "
        "heavy = {'alembic', 'fsspec', 'pandas', 'numpy', 'great_expectations', 'torch'}; "
        "print(sorted(heavy & set(sys.modules)))"
    )
    root = Path(__file__).parents[2]
    printed = subprocess.run(
        [sys.executable, "-c", code], cwd=root, capture_output=True, text=True, check=True
    )
    assert printed.stdout.strip() == "[]"


def test_a_plain_address_of_postgres_takes_the_driver_that_comes_with_luthier():
    assert address_of("postgres://me@host/name").drivername == "postgresql+pg8000"
    assert address_of("postgresql+other://me@host/name").drivername == "postgresql+other"
