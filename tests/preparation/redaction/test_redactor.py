import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from preparation.redaction.redactor import Redactor, masked, redacted_drop
from records import Drop, Message, Redaction, Row, Source

# assembled, so that no scanner takes the tests for a leak
GITHUB = "ghp_" + "a1B2" * 9
AWS = "AKIA" + "QRSTUVWX12345678"
OPENAI = "sk-proj-" + "abcdEFGH1234" * 3
SLACK = "xoxb-" + "123456789012-abcdefGHIJKL"
STRIPE = "sk_live_" + "a1B2c3D4e5F6g7H8"
GOOGLE = "AIza" + "Sy0123456789abcdefghijklmnopqrstuvw"
JWT = "eyJhbGciOiJIUzI1NiJ9." + "eyJzdWIiOiIxMjM0NTY3ODkwIn0." + "dozjgNryP4J3jVmNHl0w5N"
PEM = "-----BEGIN RSA PRIVATE KEY-----\nMIIEpAIBAAKCAQEA\nq1w2e3r4\n-----END RSA PRIVATE KEY-----"


@pytest.mark.parametrize(
    ("text", "redacted"),
    [
        ("Write to jane.doe@example.com.", "Write to <EMAIL_1>."),
        ("{jane, jo lee\n}@example.com of {user}@example.com", "<EMAIL_1> of {user}@example.com"),
        ("<jo+lists@mail.example.co.uk>", "<<EMAIL_1>>"),
        ("Call (555) 123-4567 today", "Call <PHONE_1> today"),
        ("call 555-0199 please", "call <PHONE_1> please"),
        ("My number is +1 202 555 0143.", "My number is <PHONE_1>."),
        ("reach us on +49 (0)30 901820-0", "reach us on <PHONE_1>"),
        ("Tel.: 030 901820", "Tel.: <PHONE_1>"),
        ("020 7946 0958 is ours", "<PHONE_1> is ours"),
        ("06 12 34 56 78", "<PHONE_1>"),
        ("212.555.0188", "<PHONE_1>"),
        ("IBAN DE89 3704 0044 0532 0130 00 BIC ABCDDEFF", "IBAN <IBAN_1> BIC ABCDDEFF"),
        ("GB29NWBK60161331926819", "<IBAN_1>"),
        ("card 4111 1111 1111 1111 exp 12/27", "card <CARD_1> exp 12/27"),
        ("5500-0000-0000-0004, 378282246310005", "<CARD_1>, <CARD_2>"),
        ("SSN 536-90-4399", "SSN <NATIONAL_ID_1>"),
        ("DNI 12345678Z", "DNI <NATIONAL_ID_1>"),
        ("CPF 529.982.247-25", "CPF <NATIONAL_ID_1>"),
        ("nato RSSMRA85T10A562S", "nato <NATIONAL_ID_1>"),
        ("server 192.168.10.25 is down", "server <IP_ADDRESS_1> is down"),
        ("fe80::1ff:fe23:4567:890a", "<IP_ADDRESS_1>"),
        ("password: hunter2", "password: <PASSWORD_1>"),
        ("my password is Tr0ub4dor&3.", "my password is <PASSWORD_1>."),
        ("DB_PASSWORD=s3cr3tpw", "DB_PASSWORD=<PASSWORD_1>"),
        ("User Id=sa;Password=Pa$$w0rd1;", "User Id=sa;Password=<PASSWORD_1>;"),
        ('"api_key": "abcd1234efgh5678"', '"api_key": "<API_KEY_1>"'),
        ("client_secret = 'a8f5f167f44f4964'", "client_secret = '<API_KEY_1>'"),
        ("tool --password hunter22 -v", "tool --password <PASSWORD_1> -v"),
        ("postgres://admin:pa55w0rd@db.internal:5432/x", "postgres://admin:<PASSWORD_1>@db.internal:5432/x"),
        (
            "https://h.example/x?access_token=abcdef0123456789ab",
            "https://h.example/x?access_token=<API_KEY_1>",
        ),
        ("Authorization: Bearer abcdef0123456789abcdef", "Authorization: Bearer <API_KEY_1>"),
        (f"the token {GITHUB}.", "the token <API_KEY_1>."),
        (AWS, "<API_KEY_1>"),
        (f"export KEY={OPENAI}", "export KEY=<API_KEY_1>"),
        (SLACK, "<API_KEY_1>"),
        (STRIPE, "<API_KEY_1>"),
        (GOOGLE, "<API_KEY_1>"),
        (JWT, "<API_KEY_1>"),
        (f"before\n{PEM}\nafter", "before\n<PRIVATE_KEY_1>\nafter"),
    ],
)
def test_secrets_and_personal_data_are_replaced(text: str, redacted: str) -> None:
    assert Redactor().text(text) == redacted


ORDINARY = [
    "order number 4111111111111112",
    "order 4111 1111 1111 1111",
    "invoice 123-456-7890, ticket #4006381333931",
    "2026-11-22T20:52:01Z, 2026-11-22 20:52:01.123456 and 22.11.2026 or 1/2/26",
    "prices of 1,299.00, $1.299,00, 1 299 000 and €1.234.567,89",
    "version 10.0.19.41, 3.2.1.4 and v2.13.0, build 20231105.1234",
    "Page 3 of 9, pp. 123-145, chapter 1.2.3.4, section 10.11.12.13",
    "ISBN 978-3-16-148410-0, EAN 4006381333931",
    "epoch 1763843045123 and 20261122204501",
    "12:30:45 - 13:00:15, open 08:00-17:00",
    "from 10 000 to 20 000 people, 100 200 300",
    "std::vector<int>::iterator at dead::beef",
    "lat 52.520008, lon 13.404954",
    "123e4567-e89b-12d3-a456-426614174000",
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    "scores 3-2, 10-12-14; ratio 16:9 at 1920x1080; 401(k)",
    "x = 1234567890; we sold 1234567 units in 2023",
    "serial 8901-2345-6789-0123, SKU 0123-456-789, ORDER-2026-000123",
    "Password: required field",
    "The password must be 8 characters; your password is incorrect",
    "Your token: see the settings page",
    "token = get_token()",
    "password = None; password=password",
    "user_password = request.form['password']",
    "def f(token: str, secret: bytes): pass",
    "Basic authentication is required for everything",
    "twitter @handle, image@2x.png, git@host",
    "pi is 3.14159265358979, 1 2 3 4 5 6 7 8 9 10 11 12",
    "phone 11 Pro Max 256, Flight 1234, 90210, Route 66",
    "127.0.0.1, 0.0.0.0 and 255.255.255.0",
    "the asset skyline-2024 and keyboard-layout",
    "0.12.0 (2020-02-23), 0.9.4 (2018-08-08), 03/04/2021 5",
    "Boston, MA 02110-1301, clause 252.227-7013 (c)",
    "the series 0 1...4...9 16 ... 36 49 64, and 0 1 2 3 4 5 6 7 8 9",
    "amqp://user:pass@host and ftp://user:password@host",
    "Basic canonicalization/normalization of names",
]


@pytest.mark.parametrize("text", ORDINARY)
def test_ordinary_numbers_and_words_stay(text: str) -> None:
    assert Redactor().text(text) == text


PIECES = st.sampled_from([
    "jane@x.org", "@", "+1 202 555 0143", "4111 1111 1111 1111", "password", "=", ": ", "hunter2", "://",
    "u:p4ss@h.io", " ", "DE89370400440532013000", "536-90-4399", "192.168.10.25", "<EMAIL_1>", ".", "-", "5",
    "a", "'", '"', "\n", "token", OPENAI, "call ", "(555) 123-4567", "-----BEGIN PRIVATE KEY-----",
    "--password ", "Bearer ", GITHUB,
])  # fmt: skip


@settings(max_examples=300, deadline=None)
@given(st.lists(PIECES, max_size=12).map("".join) | st.text(max_size=60))
@example("a@b.co12025550143")
def test_redaction_is_idempotent(text: str) -> None:
    once = Redactor().text(text)
    assert Redactor().text(once) == once


@settings(max_examples=200, deadline=None)
@given(st.lists(st.text(alphabet="abcdefghijklmnopqrstuvwxyz", min_size=1, max_size=12), max_size=30))
def test_small_words_are_never_touched(words: list[str]) -> None:
    text = " ".join(words)
    assert Redactor().text(text) == text


def test_one_value_has_one_placeholder_over_the_pages_of_a_document(new) -> None:
    redactor = Redactor()
    first = redactor.row(new.page(1, "Ask jo@x.org or al@x.org."))
    second = redactor.row(new.page(2, "As said, JO@x.org knows."))
    assert first.text == "Ask <EMAIL_1> or <EMAIL_2>."
    assert second.text == "As said, <EMAIL_1> knows."


def test_each_record_counts_from_one(new) -> None:
    redactor = Redactor()
    rows = [redactor.row(new.record(n, text=f"mail {n}@x.org")) for n in (1, 2)]
    assert [row.fields["text"] for row in rows] == ["mail <EMAIL_1>"] * 2


def test_placeholders_agree_over_the_messages_of_a_dialogue(new) -> None:
    row = new.dialogue(1, ("user", "I am jo@x.org"), ("assistant", "Hello, jo@x.org!"))
    assert [message.content for message in Redactor().row(row).messages] == [
        "I am <EMAIL_1>",
        "Hello, <EMAIL_1>!",
    ]


def test_the_weight_of_a_message_survives() -> None:
    message = Message(role="assistant", content="jo@x.org", weight=0)
    row = Redactor().row(Row(source=Source(uri="a"), messages=(message,)))
    assert row.messages[0].weight == 0


def test_the_name_of_a_column_tells_what_its_value_is(new) -> None:
    row = new.record(1, phone="5551234567", order_number="5551234567", db_password="hunter2", note="hunter2")
    assert Redactor().row(row).fields == {
        "phone": "<PHONE_1>",
        "order_number": "5551234567",
        "db_password": "<PASSWORD_1>",
        "note": "hunter2",
    }


def test_findings_count_by_class_and_mask_samples(new) -> None:
    redactor = Redactor()
    redactor.row(new.record(1, text="jane@example.com and +1 202 555 0143"))
    redactor.row(new.record(2, text="john@example.com"))
    findings = {finding.message.split(" replaced")[0]: finding for finding in redactor.findings()}
    assert list(findings) == ["2 e-mail addresses", "1 telephone number"]
    mail = findings["2 e-mail addresses"]
    assert (mail.rule, mail.severity, mail.count) == ("redacted", "info", 2)
    assert [source.row for source in mail.sources] == [1, 2]
    assert not any("jane" in finding.message or "0143" in finding.message for finding in findings.values())


def test_excerpts_of_drops_are_redacted() -> None:
    drop = Drop(source=Source(uri="a"), reason="broken", excerpt="{'mail': 'jo@x.org'")
    assert redacted_drop(drop, Redactor()).excerpt == "{'mail': '<EMAIL_1>'"


@pytest.mark.parametrize(("value", "shown"), [("short", "…"), ("jane@example.com", "ja…m")])
def test_masks_tell_little(value: str, shown: str) -> None:
    assert masked(value) == shown


def test_long_texts_without_blanks_are_redacted_in_linear_time() -> None:
    # a pattern that backtracks over these would not come back
    for unit in ("a-", "a.", "a_", "1-", "0 ", "password", "=:", "a@"):
        Redactor().text(unit * 20_000)


def test_only_the_chosen_classes_are_replaced() -> None:
    text = "jo@x.org, +49 30 901820, DE89370400440532013000 and 4111 1111 1111 1111"
    redactor = Redactor(Redaction(only=("email",)))
    assert redactor.text(text) == text.replace("jo@x.org", "<EMAIL_1>")
    assert set(redactor.counts) == {"email"}


@pytest.mark.parametrize(
    ("allowed", "text"),
    [
        ("support@example.com", "Write to support@example.com or <EMAIL_1>."),
        ("*@EXAMPLE.com", "Write to support@example.com or <EMAIL_1>."),
    ],
)
def test_what_is_allowed_stays(allowed: str, text: str) -> None:
    redactor = Redactor(Redaction(allow=(allowed,)))
    assert redactor.text("Write to support@example.com or jo@x.org.") == text


def test_a_number_is_allowed_however_it_is_spaced() -> None:
    redactor = Redactor(Redaction(allow=("+49 30 901820",)))
    assert redactor.text("Tel. +49 (30) 90-1820 and +49 30 901821") == "Tel. +49 (30) 90-1820 and <PHONE_1>"


def test_no_other_rule_takes_a_part_of_what_stays() -> None:
    text = "IBAN DE89 3704 0044 0532 0130 00, phone of nobody"
    assert Redactor(Redaction(allow=("DE89370400440532013000",))).text(text) == text


@pytest.mark.parametrize(
    ("text", "redacted"),
    [
        ("Personnummer 811218-9876", "Personnummer <NATIONAL_ID_1>"),
        ("hetu 131052-308T on kortissa", "hetu <NATIONAL_ID_1> on kortissa"),
        ("rijksregisternummer 85.07.30-033.28", "rijksregisternummer <NATIONAL_ID_1>"),
        ("身份证 11010519491231002X", "身份证 <NATIONAL_ID_1>"),
        ("RUT 12.345.678-5", "RUT <NATIONAL_ID_1>"),
        ("CUIT 20-12345678-6", "CUIT <NATIONAL_ID_1>"),
        ("PESEL 44051401359", "PESEL <NATIONAL_ID_1>"),
        ("Steuer-ID: 86 095 742 719", "Steuer-ID: <NATIONAL_ID_1>"),
        ("my SSN is 536904399", "my SSN is <NATIONAL_ID_1>"),
        ("NRIC S1234567D", "NRIC <NATIONAL_ID_1>"),
        ("NHS number 943 476 5919", "NHS number <NATIONAL_ID_1>"),
        ("マイナンバー 1234 5678 9018", "マイナンバー <NATIONAL_ID_1>"),
        ("my passport number is C01X00T47.", "my passport number is <NATIONAL_ID_1>."),
        ("Führerschein-Nr. B072RRE2I55", "Führerschein-Nr. <NATIONAL_ID_1>"),
        ("Reisepass L01X00T471 gilt", "Reisepass <NATIONAL_ID_1> gilt"),
        ("the passport office opens in 2026", "the passport office opens in 2026"),
        ("model C01X00T47", "model C01X00T47"),
    ],
)
def test_numbers_of_many_states_are_known(text: str, redacted: str) -> None:
    assert Redactor().text(text) == redacted


def test_keys_of_letters_alone_are_keys() -> None:
    token = "hf_" + "QwErTyUiOpAsDfGhJkLzXcVbNmqWeRtYuI"
    assert Redactor().text(f"token {token}") == "token <API_KEY_1>"
    assert Redactor().text("self.hf_configuration_of_the_whole_module_is") == (
        "self.hf_configuration_of_the_whole_module_is"
    )


@pytest.mark.parametrize("text", ["Das Passwort lautet Sommer2026", "le mot de passe est Soleil123"])
def test_passwords_are_told_in_many_words(text: str) -> None:
    assert Redactor().text(text) == f"{text.rpartition(' ')[0]} <PASSWORD_1>"
