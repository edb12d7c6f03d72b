"""Backups of SQLite: whole beside a writer, never in the place of anything, and put back only where nobody works."""

from __future__ import annotations

import sqlite3
import threading
from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from bridge import backup
from bridge.backup import BackupFault

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

PAIRS = "SELECT count(*), sum(id % 2) FROM rows"


@pytest.fixture
def database(tmp_path: Path) -> Path:
    path = tmp_path / "bridge.db"
    with closing(sqlite3.connect(path)) as made:
        made.executescript(
            "PRAGMA journal_mode=WAL; PRAGMA synchronous=OFF; CREATE TABLE schema_version (version_num TEXT);"
            " INSERT INTO schema_version VALUES ('0007'); CREATE TABLE rows (id INTEGER PRIMARY KEY, filling TEXT)"
        )
    return path


def ask(path: Path, question: str) -> tuple[int, int]:
    with closing(sqlite3.connect(path)) as opened:
        count, odd = opened.execute(question).fetchone()
    return count, odd or 0


def test_what_is_saved_while_others_write_is_one_moment_of_it(database: Path, tmp_path: Path) -> None:
    enough, begun = threading.Event(), threading.Event()

    def write() -> None:
        with closing(sqlite3.connect(database, timeout=60)) as writer:
            while not enough.is_set():
                with writer:  # always two together
                    writer.executemany("INSERT INTO rows (filling) VALUES (?)", [("a" * 900,)] * 2)
                begun.set()

    thread = threading.Thread(target=write)
    thread.start()
    try:
        begun.wait(60)
        for number in range(3):
            backup.save(database, tmp_path / f"{number}.db")
    finally:
        enough.set()
        thread.join()
    seen = [ask(tmp_path / f"{number}.db", PAIRS) for number in range(3)]
    assert seen == sorted(seen)
    assert all(count == 2 * odd for count, odd in seen)
    assert 0 < seen[0][0] <= seen[2][0] <= ask(database, PAIRS)[0]
    assert {path.name for path in tmp_path.glob("?.db*")} == {"0.db", "1.db", "2.db"}
    assert (tmp_path / "0.db").stat().st_mode & 0o777 == 0o600


def _nothing(path: Path) -> None:
    path.unlink()


def _text(path: Path) -> None:
    path.write_text("no database", "utf-8")


def _foreign(path: Path) -> None:
    _statement(path, "DROP TABLE schema_version")


def _unversioned(path: Path) -> None:
    _statement(path, "DELETE FROM schema_version")


def _torn(path: Path) -> None:
    with closing(sqlite3.connect(path)) as opened, opened:
        opened.executemany("INSERT INTO rows (filling) VALUES (?)", [("a" * 900,)] * 50)
        opened.execute("PRAGMA journal_mode=DELETE")
    content = bytearray(path.read_bytes())
    content[-8192:-4096] = bytes(4096)
    path.write_bytes(content)


def _statement(path: Path, statement: str) -> None:
    with closing(sqlite3.connect(path)) as opened:
        opened.execute(statement)
        opened.commit()
        opened.execute("PRAGMA journal_mode=DELETE")


@pytest.mark.parametrize(
    ("harm", "words"),
    [
        (_nothing, "There is no database"),
        (_text, "cannot be written: file is not a database"),
        (_foreign, "no database of the bridge"),
        (_unversioned, "no database of the bridge: it has no version"),
        (_torn, "is damaged"),
    ],
    ids=["missing", "text", "foreign", "unversioned", "torn"],
)
def test_what_is_no_whole_database_of_the_bridge_is_saved_under_no_name(
    harm: Callable[[Path], None], words: str, database: Path, tmp_path: Path
) -> None:
    harm(database)
    with pytest.raises(BackupFault, match=words):
        backup.save(database, tmp_path / "saved")
    assert not [*tmp_path.glob("saved*")]


def test_no_file_is_overwritten(database: Path, tmp_path: Path) -> None:
    (tmp_path / "saved").write_text("of yesterday", "utf-8")
    with pytest.raises(BackupFault, match="there already"):
        backup.save(database, tmp_path / "saved")
    assert (tmp_path / "saved").read_text("utf-8") == "of yesterday"


def test_a_folder_that_cannot_be_written_is_told(database: Path, tmp_path: Path) -> None:
    with pytest.raises(BackupFault, match="cannot be written"):
        backup.save(database, tmp_path / "no" / "such" / "folder")


def test_nothing_is_put_where_somebody_works(database: Path, tmp_path: Path) -> None:
    backup.save(database, tmp_path / "saved")
    with closing(sqlite3.connect(database)) as replica:
        replica.execute(PAIRS).fetchone()  # and rests, as a pooled connection does
        with pytest.raises(BackupFault, match="in use: end every replica"):
            backup.replace(database, tmp_path / "saved", tmp_path / "aside")
    assert (tmp_path / "saved").exists()
    assert not (tmp_path / "aside").exists()


@pytest.mark.parametrize("is_damaged", [False, True])
def test_what_was_there_is_kept_aside_whole_or_not(database: Path, tmp_path: Path, *, is_damaged: bool) -> None:
    backup.save(database, tmp_path / "saved")
    database.chmod(0o640)
    if is_damaged:
        database.write_bytes(b"torn" * 2000)
    else:
        _statement(database, "INSERT INTO rows (filling) VALUES ('since')")
    before = database.read_bytes()
    backup.replace(database, tmp_path / "saved", tmp_path / "aside")
    assert ask(database, PAIRS) == (0, 0)
    assert (tmp_path / "aside").read_bytes() == before
    assert database.stat().st_mode & 0o777 == 0o640
