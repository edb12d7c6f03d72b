"""Why a database failed is told in words that repeat nothing of what it said, with advice for each."""

from __future__ import annotations

from typing import Final

import pytest

from bridge.core.database_faults import REASONS, advice, told

AT: Final = 'connection failed: connection to server at "10.0.0.7", port 5432 failed: '


class DriverError(Exception):
    """Looks like a driver's error."""

    def __init__(self, text: str = "", sqlstate: str | None = None) -> None:
        self.sqlstate = sqlstate
        super().__init__(text)


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        (DriverError(AT + 'FATAL:  password authentication failed for user "bob"'), "user or password"),
        (DriverError(AT + "fe_sendauth: no password supplied"), "user or password"),
        (DriverError(AT + 'FATAL:  role "bob" does not exist'), "user or password"),
        (DriverError(sqlstate="28P01"), "user or password"),
        (DriverError(AT + 'FATAL:  no pg_hba.conf entry for host "10.0.0.9", user "bob"'), "a refusal of this machine"),
        (DriverError(AT + 'FATAL:  database "nosuch" does not exist'), "no database of this name"),
        (DriverError(AT + "FATAL:  sorry, too many clients already"), "too many connections"),
        (DriverError(AT + "FATAL:  remaining connection slots are reserved for roles"), "too many connections"),
        (DriverError(AT + "FATAL:  the database system is starting up"), "a database that starts or ends"),
        (DriverError("terminating connection", "57P01"), "a database that starts or ends"),
        (DriverError("failed to resolve host 'db.invalid': [Errno -2]"), "an unknown host name"),
        (DriverError(AT + "server does not support SSL, but SSL was required"), "no TLS as it was asked for"),
        (DriverError(AT + "Connection refused"), "a refused connection"),
        (DriverError("connection timeout expired"), "no connection in time"),
        (DriverError(AT + "server closed the connection unexpectedly"), "a lost connection"),
        (DriverError('relation "agents" is not there', "42P01"), "no table where there should be one"),
        (DriverError("column of somebody's secret", "42703"), "DriverError 42703"),
        (DriverError("anything else, of somebody"), "DriverError"),
    ],
)
def test_postgresql_says_what_is_to_be_done_about_it(fault: DriverError, words: str) -> None:
    found = told(fault)
    assert words in found
    assert bool(advice(found)) == ("DriverError" not in found)


def test_every_reason_has_words_and_advice_of_its_own() -> None:
    assert len({reason.words for reason in REASONS}) == len({reason.advice for reason in REASONS}) == len(REASONS)
