import pytest

from preparation.conversations.own_words import own_words

WORDS = "Dogs are welcome.\n\nThe desk"


@pytest.mark.parametrize(
    "quoted",
    [
        "On Mon, 2 Mar 2026 at 10:00, Lena <lena@x.example> wrote:\n> May I?",
        "On Mon, 2 Mar 2026 at 10:00, Lena Hart of the Hotel\n<lena@x.example> wrote:\n\n> May I?",
        "Am Mo., 2. März 2026 um 10:00 schrieb Lena <lena@x.example>:\n> Darf ich?",
        "Le lun. 2 mars 2026 à 10:00, Lena a écrit :\n> Puis-je ?",
        "El lun, 2 mar 2026 a las 10:00, Lena escribió:\n> ¿Puedo?",
        "Il giorno lun 2 mar 2026 Lena ha scritto:\n> Posso?",
        "Op ma 2 mrt. 2026 om 10:00 schreef Lena:\n> Mag ik?",
        "Lena Hart (2.3.26, 10:00):\n> May I?",
        "-----Original Message-----\nFrom: Lena\nMay I?",
        "From: Lena Hart\nSent: Monday\nTo: Desk\nSubject: Dog\n\nMay I?",
        "**Von:** Lena Hart\n**Gesendet:** Montag\n\nDarf ich?",
        "De: Lena\nEnvoyé: lundi\n\nPuis-je ?",
    ],
)
def test_what_is_quoted_below_goes(quoted: str) -> None:
    texts, removed = own_words([f"{WORDS}\n\n{quoted}"])
    assert texts == [WORDS]
    assert [one.rule for one in removed] == ["quoted mail"]
    assert quoted.split("\n")[-1] in removed[0].text


def test_answers_between_quoted_lines_stay() -> None:
    text = "On Monday Lena Hart wrote:\n> May I bring a dog?\nYes.\n> And a cat?\nNo."
    texts, removed = own_words([text])
    assert texts == ["On Monday Lena Hart wrote:\nYes.\nNo."]
    assert [one.text for one in removed] == ["> May I bring a dog?\n> And a cat?"]


@pytest.mark.parametrize(
    "signed", ["-- \nLena Hart\nTel. 1", "Sent from my iPhone", "Von meinem Telefon gesendet"]
)
def test_signatures_go(signed: str) -> None:
    texts, removed = own_words([f"{WORDS}\n\n{signed}"])
    assert (texts, [(one.rule, one.text) for one in removed]) == ([WORDS], [("signature of a mail", signed)])


def test_the_notice_of_the_lawyers_goes() -> None:
    notice = (
        "This e-mail and its attachments are confidential and intended solely for those whom it is sent to."
    )
    texts, removed = own_words([f"{WORDS}\n\n{notice}"])
    assert (texts, [one.rule for one in removed]) == ([WORDS], ["legal notice of a mail"])


def test_of_a_long_mail_what_follows_a_quotation_is_quoted_too() -> None:
    texts, _ = own_words([WORDS, "From: Lena\nSent: Monday\n\nMay I?", "Or not?"])
    assert texts == [WORDS, "", ""]


@pytest.mark.parametrize(
    "text",
    [
        "---------- Forwarded message ---------\nFrom: Lena\nDate: Monday\n\nMay I bring a dog?",
        "From: the harbour\n\nThe ferry leaves at noon.",
        "Please keep this confidential: the ferry is late.",
        "He wrote:\nthe ferry is late.",
    ],
)
def test_mails_without_quotation_or_of_nothing_else_stay_whole(text: str) -> None:
    assert own_words([text]) == ([text], [])
