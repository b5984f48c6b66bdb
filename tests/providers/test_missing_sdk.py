"""Without a vendor's SDK everything else works, and the provider says what to install."""

import subprocess
import sys
import textwrap

import pytest

HIDE = """
    import sys

    class Hidden:
        def find_spec(self, name, path=None, target=None):
            if name.split(".")[0] in {hidden!r}:
                raise ModuleNotFoundError(f"No module named {{name!r}}", name=name)

    sys.meta_path.insert(0, Hidden())
    for name in [name for name in sys.modules if name.split(".")[0] in {hidden!r}]:
        del sys.modules[name]

    import providers
    from errors import NotConfigured
    from providers.catalogue import bases

    assert len(bases()) > 10
    try:
        providers.get({provider!r})
    except NotConfigured as error:
        print(error)
    providers.get({other!r})
    print("the other one works")
"""


@pytest.mark.parametrize(
    ("provider", "hidden", "other"),
    [("openai", ["openai"], "gemini"), ("gemini", ["google"], "openai")],
)
def test_a_hidden_sdk_is_named_and_nothing_else_breaks(provider: str, hidden: list[str], other: str) -> None:
    code = textwrap.dedent(HIDE.format(provider=provider, hidden=hidden, other=other))
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    assert f"The provider '{provider}' needs the Python package '{hidden[0]}" in done.stdout
    assert f"pip install -e '.[{provider}]'" in done.stdout
    assert "the other one works" in done.stdout


def test_the_tokenizer_is_not_needed(tmp_path: object) -> None:
    code = textwrap.dedent(
        """
        import sys
        sys.modules["bpe_openai"] = None
        from providers import tokens
        from providers.openai.provider import OpenAI
        assert tokens.o200k() is None
        assert OpenAI().count is tokens.estimated
        """
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
