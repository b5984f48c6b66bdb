from datetime import date

import pytest

from errors import Refused
from providers.catalogue import find
from providers.hosted import refuse_dying
from web.pages.words import on_page


def test_on_the_page_a_dying_base_is_accepted_by_a_tick_and_not_by_what_is_typed_elsewhere():
    base = find("gpt-4.1-mini-2025-04-14")
    with pytest.raises(Refused) as refused:
        refuse_dying(base, date(2026, 12, 24), accepted=False)
    shown = on_page(refused.value.hint)
    assert "tick “Train it all the same”" in shown
    assert "accept" not in shown
