from records import Source
from validation.places import place, places

NAMES = {"/in/help/faq.md": "help/faq.md"}


def test_a_place_is_told_by_the_name_that_was_given():
    assert place(Source(uri="/in/help/faq.md", page=2, row=7), NAMES) == "help/faq.md, page 2, row 7"


def test_an_unknown_file_goes_by_its_last_name():
    assert place(Source(uri="s3://bucket/a/b.csv", row=1), NAMES) == "b.csv, row 1"
    assert place(Source(uri="/in/whole.txt"), {}) == "whole.txt"


def test_rows_of_one_file_are_listed_together():
    rows = [Source(uri="/in/tickets.csv", row=row) for row in (3, 6)]
    assert places(rows, {}, 2) == "tickets.csv, rows 3, 6"
    assert places(rows[:1], {}, 1) == "tickets.csv, row 3"


def test_only_the_first_few_are_named_and_the_rest_counted():
    rows = [Source(uri="/in/tickets.csv", row=row) for row in range(20)]
    assert places(rows, {}, 1234, most=3) == "tickets.csv, rows 0, 1, 2 and 1,231 more"


def test_places_of_several_kinds_and_files_stay_apart():
    mixed = [
        Source(uri="/a.pdf", page=1, element=2),
        Source(uri="/a.pdf", page=3),
        Source(uri="/b.txt"),
        Source(uri="/c.jsonl", line=9),
    ]
    assert places(mixed, {}, 4) == "a.pdf, page 1 element 2, page 3; b.txt; c.jsonl, line 9"


def test_nowhere_is_nothing():
    assert places([], {}, 7) == ""
