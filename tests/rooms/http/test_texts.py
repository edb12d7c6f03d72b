from __future__ import annotations

import re
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from babel.messages.extract import extract_from_dir
from babel.messages.frontend import parse_mapping_cfg
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from flask import Flask
from flask_babel import Babel, force_locale

from bridge.core.errors import every_error
from bridge.http.texts import ErrorText, explain, explained_codes

if TYPE_CHECKING:
    from collections.abc import Iterator

    from babel.messages.catalog import Catalog

ROOT = Path(__file__).parents[3]
TRANSLATIONS = ROOT / "bridge" / "translations"
CHINESE = re.compile(r"[\u4e00-\u9fff]")
PLACEHOLDER = re.compile(r"%\(\w+\)s|\{\w+\}")
HALF_WIDTH = re.compile(r"[\u4e00-\u9fff][,;:?!]")


@pytest.fixture(autouse=True)
def languages() -> Iterator[None]:
    """An application that does nothing but translate."""
    app = Flask(__name__)
    Babel(app, default_translation_directories=str(TRANSLATIONS))
    with app.test_request_context():
        yield


@pytest.fixture(scope="module")
def catalogue() -> Catalog:
    """The Chinese texts."""
    with (TRANSLATIONS / "zh" / "LC_MESSAGES" / "messages.po").open("rb") as file:
        return read_po(file, locale="zh")


def said(text: ErrorText, language: str) -> tuple[str, str, str, str]:
    with force_locale(language):
        return str(text.title), str(text.detail), str(text.who), str(text.advice)


def messages_of_the_house() -> set[str]:
    """Collect every text as `make translations` does."""
    with (ROOT / "config" / "babel.cfg").open(encoding="utf-8") as file:
        methods, options = parse_mapping_cfg(file)  # type: ignore[no-untyped-call]
    keywords = {"_": None, "gettext": None, "lazy_gettext": None}
    found = extract_from_dir(str(ROOT), methods, options, keywords)
    return {message for _, _, message, _, _ in found if isinstance(message, str)}


def test_every_code_has_a_text_and_every_text_a_code() -> None:
    assert explained_codes() == {*every_error(), "internal_error"}


@pytest.mark.parametrize("language", ["en", "zh"])
def test_each_failure_has_sentences_of_its_own(language: str) -> None:
    texts = {code: said(explain(code), language) for code in explained_codes()}
    assert len({title for title, _, _, _ in texts.values()}) == len(texts)
    assert len({detail for _, detail, _, _ in texts.values()}) == len(texts)
    assert len({advice for _, _, _, advice in texts.values()}) == len(texts)


@pytest.mark.parametrize("code", sorted(explained_codes()))
def test_each_text_is_chinese_for_a_chinese_reader(code: str) -> None:
    english, chinese = said(explain(code), "en"), said(explain(code), "zh")
    assert not any(CHINESE.search(text) for text in english)
    assert all(CHINESE.search(text) for text in chinese)


def test_an_unknown_code_is_told_as_a_fault_of_our_own() -> None:
    assert explain("something_new") is explain("internal_error")


def test_every_text_of_the_house_is_translated(catalogue: Catalog) -> None:
    translated = {message.id for message in catalogue if message.id and message.string and not message.fuzzy}
    assert messages_of_the_house() - translated == set()


def test_no_translation_lost_a_placeholder(catalogue: Catalog) -> None:
    for message in catalogue:
        assert sorted(PLACEHOLDER.findall(str(message.id))) == sorted(PLACEHOLDER.findall(str(message.string)))


def test_chinese_sentences_have_chinese_punctuation(catalogue: Catalog) -> None:
    assert [message.string for message in catalogue if HALF_WIDTH.search(str(message.string))] == []


def test_the_compiled_catalogue_is_that_of_the_texts(catalogue: Catalog) -> None:
    compiled = BytesIO()
    write_mo(compiled, catalogue)
    assert (TRANSLATIONS / "zh" / "LC_MESSAGES" / "messages.mo").read_bytes() == compiled.getvalue()
