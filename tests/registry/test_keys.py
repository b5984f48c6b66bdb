from datetime import timedelta

import pytest

from errors import InvalidData, NotFound
from records import now


def test_a_key_opens_its_account_and_only_its_hash_is_kept(registry, stored):
    owner = registry.owner()
    key, secret = registry.create_key(owner.id, "laptop")
    assert registry.account_of_key(secret) == owner
    assert secret.startswith(key.prefix)
    kept = stored()
    assert key.prefix.encode() in kept
    assert secret.encode() not in kept


def test_what_is_no_key_opens_nothing(registry):
    key, secret = registry.create_key(registry.owner().id, "laptop")
    for wrong in ("", key.prefix, secret[:-1], secret + "x", secret.upper(), key.id):
        assert registry.account_of_key(wrong) is None


def test_a_revoked_key_is_useless_at_once_and_stays_listed(registry):
    owner = registry.owner()
    key, secret = registry.create_key(owner.id, "laptop")
    revoked = registry.revoke_key(owner.id, key.id)
    assert registry.account_of_key(secret) is None
    assert registry.keys(owner.id) == [revoked]
    assert not revoked.active


def test_an_expired_key_is_useless(registry):
    owner = registry.owner()
    made = registry.create_key(owner.id, "laptop", now() + timedelta(days=1))
    assert registry.account_of_key(made.secret) == owner
    with registry.writing() as connection:
        connection.exec_driver_sql("UPDATE api_keys SET expires_at = '2020-01-01 00:00:00.000000'")
    assert registry.account_of_key(made.secret) is None


def test_a_key_of_a_disabled_account_is_useless(registry):
    robin = registry.add_account("Robin")
    secret = registry.create_key(robin.id, "laptop").secret
    registry.change_account(robin.id, disabled=True)
    assert registry.account_of_key(secret) is None


def test_the_last_use_is_noted(registry):
    owner = registry.owner()
    key, secret = registry.create_key(owner.id, "laptop")
    assert registry.keys(owner.id)[0].last_used_at is None
    registry.account_of_key(secret)
    used = registry.keys(owner.id)[0].last_used_at
    assert used >= key.created_at
    registry.account_of_key(secret)
    assert registry.keys(owner.id)[0].last_used_at == used, "not a write a request"


def test_keys_are_revoked_by_prefix_or_name_if_that_names_one(registry):
    owner, robin = registry.owner(), registry.add_account("Robin")
    first = registry.create_key(owner.id, "laptop").key
    second = registry.create_key(owner.id, "laptop").key
    with pytest.raises(NotFound, match="more than one"):
        registry.revoke_key(owner.id, "laptop")
    with pytest.raises(NotFound, match="no active"):
        registry.revoke_key(robin.id, first.id)
    assert registry.revoke_key(owner.id, first.prefix).id == first.id
    assert registry.revoke_key(owner.id, "laptop").id == second.id


@pytest.mark.parametrize("name", ["", " ", "x" * 101, "a\x00b"])
def test_a_key_needs_a_name(name, registry):
    with pytest.raises(InvalidData):
        registry.create_key(registry.owner().id, name)


def test_a_key_cannot_expire_before_it_is_made(registry):
    with pytest.raises(InvalidData):
        registry.create_key(registry.owner().id, "laptop", now() - timedelta(seconds=1))
