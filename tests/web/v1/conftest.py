import pytest


@pytest.fixture
def model(owner, finish):
    return finish(owner.account).model
