def test_lines_are_kept_in_order_and_by_account(registry):
    registry.audit("owner", "model.create", "ftjob-1", "Tools")
    registry.audit("acct-1", "key.create", "key-1")
    registry.audit("owner", "model.delete", "ftjob-1")
    assert [line.action for line in registry.audit_lines()] == ["model.delete", "key.create", "model.create"]
    assert [line.action for line in registry.audit_lines("owner")] == ["model.delete", "model.create"]
    assert [line.target for line in registry.audit_lines(limit=1)] == ["ftjob-1"]
