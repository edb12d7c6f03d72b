"""Calls after they were made: numbers that are masked, recordings that are fetched, exports, figures.

Asks the contact center through aiccs and the store of recordings through the way out; keeps nothing but what an export
writes into files. Who may see whose calls is decided by whoever asks.
"""
