import json

ELEMENTS = [
    {"type": "Header", "element_id": "0", "text": "Ferry 1", "metadata": {"page_number": 1}},
    {"type": "Title", "element_id": "a", "text": "The ferry", "metadata": {"page_number": 1}},
    {
        "type": "NarrativeText",
        "element_id": "b",
        "text": "It leaves at noon.",
        "metadata": {"page_number": 1},
    },
    {"type": "ListItem", "element_id": "c", "text": "Adults pay four", "metadata": {}},
    {"type": "Title", "element_id": "d", "text": "Fares", "metadata": {"category_depth": 1}},
    {
        "type": "Table",
        "element_id": "e",
        "text": "From To",
        "metadata": {
            "text_as_html": "<table><tr><td>From</td><td>To</td></tr><tr><td>a</td><td>b</td></tr></table>"
        },
    },
]


def test_elements_of_a_document_are_put_together_again(read) -> None:
    for name, content in (
        ("elements.json", json.dumps(ELEMENTS)),
        ("elements.ndjson", "\n".join(map(json.dumps, ELEMENTS))),
    ):
        drop, one, other = read(name, content)
        assert (drop.reason, drop.excerpt) == ("page header, footer or number", "Ferry 1")
        assert (one.heading, one.text) == (("The ferry",), "It leaves at noon.\n\n- Adults pay four")
        assert other.heading == ("The ferry", "Fares")
        assert other.text == "| From | To |\n| --- | --- |\n| a | b |"


def test_records_that_are_no_elements_stay_records(read) -> None:
    rows = read("rows.ndjson", "\n".join(json.dumps({**one, "text": 1}) for one in ELEMENTS))
    assert all(row.fields for row in rows)
