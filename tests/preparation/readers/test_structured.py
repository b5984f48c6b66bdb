"""RST, Org, XML, notebooks, code and columns, where they are more than their samples."""

import io
import json

import pyarrow
import pytest
from pyarrow import feather, parquet

from preparation.readers import Unreadable
from records import Drop, Row


def test_unknown_directives_and_roles_keep_their_words(read) -> None:
    text = (
        "Title\n=====\n\n.. tabs::\n   :sync: x\n\n   Inside the tab.\n\n"
        "See :func:`~ferry.leave` and :ref:`fares <money>`.\n\n.. toctree::\n\n   one\n   two\n\n"
        ".. code-block:: python\n   :linenos:\n\n   x = 1\n\n.. include:: /etc/passwd\n"
    )
    (row,) = read("x.rst", text)
    assert row.text == "Inside the tab.\n\nSee `ferry.leave` and fares.\n\n```python\nx = 1\n```"


def test_files_are_neither_included_nor_raw_content_passed(read) -> None:
    outside = "   :file: /etc/passwd\n\n"
    items = read("x.rst", f"Words.\n\n.. raw:: html\n{outside}.. csv-table::\n{outside}")
    assert "root:" not in "".join(row.text for row in items)


def test_org_leaves_out_drawers_and_keeps_links_words(read) -> None:
    drawer = ":PROPERTIES:\n:id: 1\n:END:\n"
    text = f"* TODO Fares :money:\n{drawer}See [[https://x.org][the list]] and =code=.\n# aside\n"
    (row,) = read("x.org", text)
    assert (row.heading, row.text) == (("Fares",), "See the list and `code`.")


def test_xml_that_declares_entities_is_refused(read) -> None:
    levels = "".join(f"<!ENTITY a{at} '&a{at - 1};&a{at - 1};'>" for at in range(1, 60))
    with pytest.raises(Unreadable, match="It declares entities"):
        read("bomb.xml", f"<!DOCTYPE x [<!ENTITY a0 'ha'>{levels}]><x>&a59;</x>")
    with pytest.raises(Unreadable, match="It declares entities"):
        read("file.xml", "<!DOCTYPE x [<!ENTITY f SYSTEM 'file:///etc/passwd'>]><x><p>&f;</p></x>")


def test_xml_with_words_around_elements_is_a_document(read) -> None:
    text = "<doc><head>Fares</head><p>Adults pay <em>four</em> euros.</p><list><item>Oil</item></list></doc>"
    (row,) = read("x.xml", text)
    assert (row.heading, row.text) == (("Fares",), "Adults pay four euros.\n\n- Oil")


def test_a_notebook_of_before_version_4_is_read(read) -> None:
    cells = [
        {"cell_type": "heading", "level": 2, "source": "Fares"},
        {"cell_type": "code", "input": ["x = 1\n", "x"], "language": "python", "outputs": []},
    ]
    (row,) = read("old.ipynb", json.dumps({"nbformat": 3, "metadata": {}, "worksheets": [{"cells": cells}]}))
    assert (row.heading, row.text) == (("Fares",), "```python\nx = 1\nx\n```")


def test_long_code_is_cut_between_definitions(read) -> None:
    code = "\n\n".join(f"def f{at}():\n    x = {at}\n\n    return x" for at in range(300))
    rows = read("long.py", code)
    assert len(rows) > 2
    for row in rows:
        assert row.text.startswith("```python\ndef f")
        assert row.text.endswith("return x\n```")
    assert rows[0].source.line == 1


def test_code_that_no_person_wrote_is_left_out(read) -> None:
    (item,) = read("x.js", "var a=1;" * 2000)
    assert isinstance(item, Drop)


def test_columns_of_dialogues_are_dialogues_and_arrow_is_read_too(read) -> None:
    said = [{"role": "user", "content": "When?"}, {"role": "assistant", "content": "At noon."}]
    table = pyarrow.Table.from_pylist([{"messages": said}] * 3)
    for name, write in (("x.parquet", parquet.write_table), ("x.feather", feather.write_feather)):
        stream = io.BytesIO()
        write(table, stream)
        rows = read(name, stream.getvalue())
        assert [len(row.messages) for row in rows if isinstance(row, Row)] == [2, 2, 2]
