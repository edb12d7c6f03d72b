"""Fuzzing: each reader of foreign bytes is given what nobody would write, and has to refuse it in our own words."""
