import io

import pytest
from docx import Document
from docx.oxml import parse_xml
from docx.oxml.ns import nsdecls

from preparation.readers import Unreadable
from tests.preparation.samples import docx, zipped


def saved(document) -> bytes:
    stream = io.BytesIO()
    document.save(stream)
    return stream.getvalue()


def test_deleted_words_are_gone_and_inserted_ones_stay(read) -> None:
    document = Document()
    paragraph = document.add_paragraph("It leaves at ")
    for tag, text in (("del", "six"), ("ins", "noon")):
        words = "delText" if tag == "del" else "t"
        run = f"<w:{tag} {nsdecls('w')}><w:r><w:{words}>{text}</w:{words}></w:r></w:{tag}>"
        paragraph._p.append(parse_xml(run))
    (row,) = read("changes.docx", saved(document))
    assert row.text == "It leaves at noon"


def test_a_style_of_ones_own_that_is_based_on_a_heading_is_one(read) -> None:
    document = Document()
    style = document.styles.add_style("Chapter", 1)
    style.base_style = document.styles["Heading 1"]
    document.add_paragraph("The ferry", style="Chapter")
    document.add_paragraph("It leaves.")
    (row,) = read("styled.docx", saved(document))
    assert row.heading == ("The ferry",)


def test_lists_in_lists_are_indented_and_count_anew(read) -> None:
    document = Document()
    for style, words in (("", "One"), (" 2", "Inner"), ("", "Two")):
        document.add_paragraph(words, style=f"List Bullet{style}")
    (row,) = read("lists.docx", saved(document))
    assert "- One\n" in row.text
    assert row.text.endswith("- Two")


def test_merged_cells_are_written_once_and_tables_in_cells_as_their_words(read) -> None:
    document = Document()
    table = document.add_table(rows=2, cols=3)
    table.cell(0, 0).merge(table.cell(0, 1)).text = "Both"
    table.cell(0, 2).text = "Price"
    table.cell(1, 0).text, table.cell(1, 1).text = "a", "b"
    inner = table.cell(1, 2).add_table(rows=1, cols=2)
    inner.cell(0, 0).text, inner.cell(0, 1).text = "4", "euros"
    (row,) = read("table.docx", saved(document))
    assert row.text == "| Both |  | Price |\n| --- | --- | --- |\n| a | b | 4 euros |"


def test_text_boxes_are_read_once(read) -> None:
    document = Document()
    paragraph = document.add_paragraph("Beside it:")
    box = "<w:txbxContent><w:p><w:r><w:t>In the box</w:t></w:r></w:p></w:txbxContent>"
    space = 'xmlns:mc="http://schemas.openxmlformats.org/markup-compatibility/2006"'
    paragraph._p.append(
        parse_xml(
            f"<w:r {nsdecls('w')} {space}><mc:AlternateContent><mc:Choice Requires='x'>"
            f"<w:drawing>{box}</w:drawing></mc:Choice><mc:Fallback><w:pict>{box}</w:pict></mc:Fallback></mc:AlternateContent></w:r>"
        )
    )
    (row,) = read("box.docx", saved(document))
    assert row.text == "Beside it:\n\nIn the box"


def test_a_document_that_declares_entities_is_refused(read) -> None:
    bomb = "<!DOCTYPE d [<!ENTITY a 'aaaa'><!ENTITY b '&a;&a;'>]><d>&b;</d>"
    with pytest.raises(Unreadable, match="The Word document is damaged"):
        read("bomb.docx", zipped({"[Content_Types].xml": "<a/>", "word/document.xml": bomb}))


def test_a_document_that_unfolds_too_far_is_refused_before_it_does(read) -> None:
    with pytest.raises(Unreadable, match="The Word document unfolds to 209,715,2"):
        read("zeros.docx", zipped({"[Content_Types].xml": "<a/>", "word/document.xml": bytes(200 << 20)}))


def test_half_a_document_is_damaged(read) -> None:
    content = docx()
    with pytest.raises(Unreadable, match="The Word document is damaged"):
        read("half.docx", content[: len(content) // 2])
