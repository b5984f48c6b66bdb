import threading
from datetime import timedelta

from records import now

WINDOW = timedelta(hours=3)


def spend(registry, account="owner", limit=3, times=1):
    return [registry.spend_request(account, limit, WINDOW).granted for _ in range(times)]


def age(registry, minutes: int) -> None:
    with registry.writing() as connection:
        connection.exec_driver_sql(f"UPDATE usage SET minute = minute - {minutes}")


def test_requests_are_granted_up_to_the_limit(registry):
    registry.owner()
    assert spend(registry, times=5) == [True, True, True, False, False]
    assert registry.requests_used("owner", WINDOW).used == 3


def test_refused_requests_do_not_count(registry):
    registry.owner()
    spend(registry, times=5)
    assert spend(registry, limit=4, times=2) == [True, False]


def test_requests_leave_the_window_when_they_are_old(registry):
    registry.owner()
    spend(registry, times=2)
    age(registry, 100)
    spend(registry, times=1)
    assert spend(registry) == [False]
    age(registry, 80)
    assert registry.requests_used("owner", WINDOW).used == 1
    assert spend(registry, times=3) == [True, True, False]


def test_the_window_tells_when_it_frees(registry):
    registry.owner()
    assert registry.requests_used("owner", WINDOW).frees_at is None
    spend(registry, times=3)
    age(registry, 60)
    frees = registry.spend_request("owner", 3, WINDOW).frees_at
    assert timedelta(minutes=118) < frees - now() <= timedelta(minutes=120)


def test_accounts_do_not_share_a_window(registry):
    robin = registry.add_account("Robin")
    registry.owner()
    spend(registry, times=4)
    assert spend(registry, robin.id) == [True]


def test_without_a_limit_all_are_granted_and_counted(registry):
    registry.owner()
    assert spend(registry, limit=None, times=9) == [True] * 9
    assert registry.requests_used("owner", WINDOW).used == 9


def test_of_many_at_once_no_more_than_the_limit_are_granted(registry):
    registry.owner()
    granted: list[bool] = []
    threads = [threading.Thread(target=lambda: granted.extend(spend(registry, times=4))) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (granted.count(True), len(granted)) == (3, 24)


def test_old_counts_are_forgotten(registry):
    registry.owner()
    spend(registry, times=2)
    age(registry, 600)
    registry.forget_usage(now() - timedelta(hours=5))
    with registry.reading() as connection:
        assert connection.exec_driver_sql("SELECT count(*) FROM usage").scalar() == 0
