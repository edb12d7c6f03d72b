"""What ends the benchmark early."""

from __future__ import annotations


class BenchFault(Exception):
    """Something that must work did not, so that every figure would be worthless; the text is a sentence."""
