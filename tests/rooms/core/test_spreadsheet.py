"""Cells that a spreadsheet opens: none of them runs, and what was meant can be read again."""

from __future__ import annotations

import pytest

from bridge.core.spreadsheet import as_meant, harmless

CELLS = {
    "plain": ("Lin", "Lin"),
    "formula": ("=cmd()", "'=cmd()"),
    "full-width": ("\uff1dcmd()", "'\uff1dcmd()"),
    "space": (" =x", "' =x"),
    "no-break-space": ("\xa0=x", "'\xa0=x"),
    "vertical-tab": ("\x0b=x", "'\x0b=x"),
    "zero-width": ("\u200b@x", "'\u200b@x"),
    "direction": ("\u202e-x", "'\u202e-x"),
    "byte-order-mark": ("\ufeff+x", "'\ufeff+x"),
    "quotation-mark": ('"=x', "'\"=x"),
    "tab": ("\tx", "'\tx"),
    "after-a-semicolon": ("a;=x", "a;'=x"),
    "after-a-tab": ("a\t =x", "a\t' =x"),
    "in-the-next-line": ("a\n=x", "a\n'=x"),
    "guarded-already": ("'=x", "''=x"),
    "several": ("=a;-b;c", "'=a;'-b;c"),
    "groups": ("Sales;#2", "Sales;#2"),
    "inside": ("a=b; c-d", "a=b; c-d"),
}


@pytest.mark.parametrize("case", CELLS)
def test_no_cell_is_a_formula_and_each_comes_back(case: str) -> None:
    text, cell = CELLS[case]
    assert harmless(text) == cell
    assert as_meant(cell) == text
