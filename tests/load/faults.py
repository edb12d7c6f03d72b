"""What ends the load test early."""

from __future__ import annotations


class LoadFault(Exception):
    """Something that must work did not, so that every figure would be worthless; the text is a sentence."""
