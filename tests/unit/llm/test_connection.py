"""Keys that cannot be any are told before anything is sent, and never shown."""

from __future__ import annotations

from typing import Literal

import pytest

from troupe_batch.errors import SettingsError
from troupe_batch.llm.connection import ConnectionSpec


@pytest.mark.parametrize(
    ("key", "said"),
    [
        ("sk-secret1\n", "OPENAI_API_KEY cannot be a key: it has a line break or a tab around it; copy the key again"),
        ("\r\nsk-secret1", "a line break or a tab around it"),
        (" sk-secret1", "blanks around it"),
        ("sk-secret1 sk-secret2", "character 11 of 21 is a blank"),
        ("sk-secrét1", "character 8 of 10 is latin small letter e with acute"),
        ("\N{LEFT DOUBLE QUOTATION MARK}sk-secret1", "character 1 of 11 is left double quotation mark"),
        ("sk-\x00secret1", "character 4 of 11 is a control character"),
        ("'sk-secret1'", "it stands in quotation marks"),
        ("ключ", "character 1 of 4 is cyrillic small letter ka"),
    ],
)
def test_a_key_with_odd_characters_is_a_message(key: str, said: str) -> None:
    with pytest.raises(SettingsError) as caught:
        ConnectionSpec("openai", api_key=key)

    assert said in str(caught.value)
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize(("kind", "name"), [("azure", "AZURE_OPENAI_KEY"), ("compatible", "OPENAI_API_KEY")])
def test_the_variable_that_holds_the_key_is_named(kind: Literal["azure", "compatible"], name: str) -> None:
    with pytest.raises(SettingsError, match=f"^{name} "):
        ConnectionSpec(kind, api_key="two words")


@pytest.mark.parametrize("key", [None, "", "none", "sk-proj-AbC_123-xyz789", "a=b;c/d+e"])
def test_keys_of_all_services_pass(key: str | None) -> None:
    assert ConnectionSpec("compatible", api_key=key).api_key == key
