"""The words of the standards, and those of Fuyun's document, letter by letter."""

from __future__ import annotations

import pytest

from bridge.core import protocol

WORDS = {
    "AUTHORIZATION_CODE": "authorization_code",
    "REFRESH_TOKEN": "refresh_token",
    "INVALID_GRANT": "invalid_grant",
    "S256": "S256",
    "OPENID": "openid",
    "WELL_KNOWN": "/.well-known/openid-configuration",
    "FORM_POST": "form_post",
    "TOKEN_EXCHANGE": "urn:ietf:params:oauth:grant-type:token-exchange",
    "FUYUN_REDIRECT_URL": "redirect_url",
    "FUYUN_SUBJECT_ISSUER": "subject_issuer",
    "FUYUN_USER_NAME": "user_name",
    "AC_TOKEN": "AC_TOKEN",
    "PERSONAL_ACCOUNTS_TENANT": "9188040d-6c67-4c5b-b112-36a304b66dad",
}


@pytest.mark.parametrize(("name", "word"), WORDS.items())
def test_a_word_is_spelt_as_its_standard_spells_it(name: str, word: str) -> None:
    assert getattr(protocol, name) == word
