"""What is true of Postgres alone; the other tests of this folder run on it by --database postgres."""

from collections.abc import Iterator

import pytest

from errors import NotConfigured, Unavailable
from registry import Registry
from tests.postgres import binaries, execute, free_port, new_database

pytestmark = pytest.mark.skipif(binaries() is None, reason="Postgres is not installed")


@pytest.fixture
def address(postgres: str) -> Iterator[str]:
    with new_database(postgres) as url:
        yield url


def test_a_server_that_is_not_there_is_unavailable(tmp_path):
    registry = Registry(f"postgresql://me:secret@127.0.0.1:{free_port()}/name", tmp_path, "")
    with pytest.raises(Unavailable, match="me:\\*\\*\\*@127"):
        registry.jobs()


def test_a_database_that_does_not_exist_is_not_configured(postgres, tmp_path):
    with pytest.raises(NotConfigured, match='"nowhere" does not exist'):
        Registry(f"{postgres}/nowhere", tmp_path, "").jobs()


def test_a_server_without_encryption_is_refused_where_it_is_required(address, tmp_path):
    with pytest.raises(Unavailable, match="SSL"):
        Registry(f"{address}?sslmode=require", tmp_path, "").jobs()
    assert Registry(f"{address}?sslmode=disable", tmp_path, "").jobs() == []


def test_a_session_that_the_server_ended_is_unavailable_once_and_then_opened_anew(address, tmp_path):
    registry, name = Registry(address, tmp_path, ""), address.rpartition("/")[2]
    with pytest.raises(Unavailable), registry.reading() as connection:
        ended = f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}'"
        execute(address.rpartition("/")[0], ended)
        connection.exec_driver_sql("SELECT 1")
    assert registry.jobs() == []


def test_a_nul_in_a_text_becomes_the_replacement_character(address, tmp_path):
    registry = Registry(address, tmp_path, "")
    talk = registry.start_conversation("owner", "model-0", "a\0b")
    registry.add_turn("owner", talk.id, "user", "nul \0 inside")
    assert registry.conversation("owner", talk.id).turns[0].content == "nul \N{REPLACEMENT CHARACTER} inside"
