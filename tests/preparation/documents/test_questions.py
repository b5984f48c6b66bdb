import pytest

from preparation.documents.questions import answer_of_cell, base_verb, from_heading, of_cell, of_term


@pytest.mark.parametrize(
    ("heading", "question"),
    [
        ("Resetting your password", "How do I reset my password?"),
        ("Reset Your Password", "How do I reset my password?"),
        ("How to cancel an order", "How do I cancel an order?"),
        ("When to contact us", "When should I contact you?"),
        ("Changing our delivery address", "How do I change your delivery address?"),
        ("Using the US store", "How do I use the US store?"),
        ("Can I pay by invoice?", "Can I pay by invoice?"),
        ("Why is my card declined", "Why is my card declined?"),
        ("2.1 Opening an account", "How do I open an account?"),
        ("Setting up your account", "How do I set up my account?"),
        ("Enabling SSO", "How do I enable SSO?"),
        ("Refund Policy", "What is the refund policy?"),
        ("TRAVEL POLICY", "What is the travel policy?"),
        ("Opening hours", "What are the opening hours?"),
        ("About FiberLink", "What is FiberLink?"),
        ("How it works", "Can you explain how it works?"),
        ("What we do", "Can you explain what you do?"),
        ("How long the guarantee lasts", "Can you explain how long the guarantee lasts?"),
        ("How long does the guarantee last", "How long does the guarantee last?"),
        ("When nobody is at home", "What happens when nobody is at home?"),
        ("Adding something you forgot", "How do I add something I forgot?"),
        ("Changing or cancelling an order", "How do I change or cancel an order?"),
        ("Caring for cast iron", "How do I care for cast iron?"),
        ("Processing refunds", "What should I know about processing refunds?"),
        ("API keys", "What should I know about API keys?"),
        ("Travel expenses:", "What should I know about travel expenses?"),
        ("Your account", "What should I know about my account?"),
        ("Introduction", "What does the introduction say?"),
        ("XBRL 10-K", "What should I know about XBRL 10-K?"),
    ],
)
def test_headings_become_what_a_person_would_ask(heading: str, question: str) -> None:
    assert from_heading((heading,)) == question


@pytest.mark.parametrize(
    ("path", "question"),
    [
        (("Installation", "Requirements"), "What are the requirements for installation?"),
        (("Billing", "Overview"), "What is billing about?"),
        (("Help", "Phones", "Lost devices"), "About phones: what should I know about lost devices?"),
        (("Help", "Phones", "Locking a phone"), "How do I lock a phone?"),
        (("CHAPTER II",), "What does chapter II say?"),
        (("The Voyage", "CHAPTER II"), "About The Voyage: what does chapter II say?"),
        (("The Voyage", "CHAPTER II The storm"), "What should I know about the storm?"),
    ],
)
def test_headings_that_need_the_one_above_take_it(path: tuple[str, ...], question: str) -> None:
    assert from_heading(path) == question


def test_headings_in_other_languages_are_asked_in_theirs() -> None:
    assert from_heading(("Rechnung bezahlen",), "de") == "Was muss ich über „Rechnung bezahlen“ wissen?"


@pytest.mark.parametrize(
    ("gerund", "verb"),
    [
        ("stopping", "stop"), ("creating", "create"), ("saving", "save"), ("paying", "pay"), ("dying", "die"),
        ("selling", "sell"), ("cancelling", "cancel"), ("passing", "pass"), ("licensing", "license"),
        ("issuing", "issue"), ("formatting", "format"), ("seeing", "see"), ("charging", "charge"),
        ("spring", ""),
    ],
)  # fmt: skip
def test_verbs_of_gerunds(gerund: str, verb: str) -> None:
    assert base_verb(gerund) == verb


@pytest.mark.parametrize(
    ("term", "text", "question"),
    [
        ("**Grace period**", "the days after an unpaid invoice", "What does “grace period” mean?"),
        ("Chargebacks", "payments that a bank takes back", "What are chargebacks?"),
        ("APR", "the yearly rate of a loan", "What is APR?"),
        ("Daily rate", "28 euros", "What is the daily rate?"),
        ("Refunds", "We refund what you have not used.", "What should I know about refunds?"),
    ],
)
def test_terms_are_asked_for_by_what_explains_them(term: str, text: str, question: str) -> None:
    assert of_term(term, text) == question


def test_cells_are_asked_for_by_column_and_row() -> None:
    assert of_cell("Monthly price", "Solo") == "What is the monthly price of Solo?"
    assert of_cell("opening_hours", "Kiel") == "What are the opening hours of Kiel?"
    assert of_cell("Bookings a month", "Solo") == "What are the bookings a month of Solo?"
    assert answer_of_cell("Monthly price", "Solo", "€9") == "The monthly price of Solo is €9."
