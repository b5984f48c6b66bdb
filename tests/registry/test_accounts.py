import pytest

from errors import InvalidData, NotFound
from registry.accounts import OWNER


def test_the_owner_is_made_on_first_use_and_once(registry):
    first = registry.owner()
    assert (first.id, first.owner, first.plan) == (OWNER, True, "owner")
    assert registry.owner() == first
    assert registry.accounts() == [first]


def test_a_password_opens_its_own_account_only(registry):
    robin = registry.add_account("Robin", password="correct horse", email="Robin@Example.org")
    registry.add_account("Kim", password="battery staple")
    assert registry.account_by_password("robin", "correct horse") == robin
    assert registry.account_by_password(" ROBIN@example.org", "correct horse") == robin
    for name, password in [("Robin", "battery staple"), ("Nobody", "correct horse"), ("Robin", ""), ("", "")]:
        assert registry.account_by_password(name, password) is None


def test_an_account_without_a_password_opens_to_none(registry):
    registry.owner()
    for password in ("", "owner", "None"):
        assert registry.account_by_password(OWNER, password) is None


def test_passwords_are_kept_as_argon2_hashes(registry, stored):
    registry.add_account("Robin", password="correct horse")
    kept = stored()
    assert b"$argon2id$" in kept
    assert b"correct horse" not in kept


@pytest.mark.parametrize("password", ["", "seven77", "x" * 1025])
def test_a_password_of_a_length_that_cannot_be_is_refused(password, registry):
    robin = registry.add_account("Robin")
    with pytest.raises(InvalidData, match="8 to 1024"):
        registry.set_password(robin.id, password)


def test_a_new_password_or_a_disabled_account_ends_the_sessions(registry):
    robin = registry.add_account("Robin", password="correct horse")
    changed = registry.set_password(robin.id, "battery staple")
    assert changed.epoch == robin.epoch + 1
    disabled = registry.change_account(robin.id, disabled=True)
    assert disabled.epoch == changed.epoch + 1
    assert registry.account_by_password("Robin", "battery staple") is None


def test_the_owner_cannot_be_shut_out(registry):
    registry.owner()
    with pytest.raises(InvalidData):
        registry.change_account(OWNER, disabled=True)


@pytest.mark.parametrize("name", ["", "  ", "a\nb\x00", "x" * 201])
def test_names_that_cannot_be_are_refused(name, registry):
    with pytest.raises(InvalidData):
        registry.add_account(name)


def test_a_taken_name_or_address_is_refused(registry):
    registry.add_account("Robin", email="robin@example.org")
    kim = registry.add_account("Kim")
    with pytest.raises(InvalidData, match="taken"):
        registry.add_account("Robin")
    with pytest.raises(InvalidData, match="taken"):
        registry.add_account("Other", email="ROBIN@example.org")
    with pytest.raises(InvalidData, match="taken"):
        registry.change_account(kim.id, name="Robin")


def test_an_unknown_account_is_not_found(registry):
    for ask in (
        registry.account,
        registry.change_account,
        lambda key: registry.set_password(key, "long enough"),
    ):
        with pytest.raises(NotFound):
            ask("acct-nobody")
