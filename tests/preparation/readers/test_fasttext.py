import pytest


@pytest.mark.parametrize("name", ["train.txt", "train.ft", "train"])
def test_labels_stand_before_their_text(read, name: str) -> None:
    rows = read(name, "__label__late My parcel is late.\n\n__label__lost __label__urgent It is gone.\n")
    assert [dict(row.fields) for row in rows] == [
        {"label": "late", "text": "My parcel is late."},
        {"label": "lost, urgent", "text": "It is gone."},
    ]
    assert [row.source.row for row in rows] == [1, 3]
