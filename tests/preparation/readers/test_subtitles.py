import pytest

from records import Row


def texts(items: list) -> list[str]:
    return [item.text for item in items if isinstance(item, Row)]


def srt(*lines: str) -> str:
    return "\n\n".join(
        f"{n}\n00:00:{n:02},000 --> 00:00:{n + 1:02},000\n{line}" for n, line in enumerate(lines, 1)
    )


def test_named_speakers_begin_lines(read) -> None:
    (text,) = texts(read("call.srt", srt("Kunde: Wann fährt", "sie ab?", "Hafen: Um zwölf.")))
    assert text == "Kunde: Wann fährt sie ab?\nHafen: Um zwölf."


@pytest.mark.parametrize("name", ["call.txt", "call", "call.vtt"])
def test_subtitles_are_known_by_their_first_cue(read, name: str) -> None:
    assert texts(read(name, srt("It leaves", "at noon."))) == ["It leaves at noon."]


def test_captions_that_roll_are_read_once(read) -> None:
    rolling = (
        "WEBVTT\nKind: captions\n\n00:01.000 --> 00:02.000\nthe ferry\n\n00:02.000 --> 00:03.000\nthe ferry\n"
        "leaves<00:00:02.500><c> at noon</c>\n\n00:03.000 --> 00:04.000\nleaves at noon\n&amp; comes back\n"
    )
    assert texts(read("talk.vtt", rolling)) == ["the ferry leaves at noon & comes back"]


def test_a_long_talk_has_paragraphs(read) -> None:
    (text,) = texts(read("talk.srt", srt(*(f"Sentence {n} is about the ferry." for n in range(40)))))
    assert 2 <= text.count("\n") + 1 <= 4
    assert text.split() == " ".join(f"Sentence {n} is about the ferry." for n in range(40)).split()
