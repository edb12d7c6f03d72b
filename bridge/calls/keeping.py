"""Files that are whole or not there at all, whenever the process is killed."""

from __future__ import annotations

import fcntl
import json
import os
from contextlib import contextmanager
from typing import IO, TYPE_CHECKING, Any, BinaryIO, Final

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_FOR_ITS_OWNER: Final = 0o600


class CannotExport(Exception):
    """The files at hand do not let an export begin or go on; the text says why."""


@contextmanager
def written_whole(path: Path) -> Iterator[BinaryIO]:
    """Give a file beside `path` that takes its place at the end, once it is safely on the disk; not so on an error."""
    draft = path.with_name(f"{path.name}.part")
    try:
        with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, _FOR_ITS_OWNER), "wb") as file:
            yield file
            on_disk(file)
        draft.replace(path)
    except BaseException:
        draft.unlink(missing_ok=True)
        raise
    _settle_folder(path.parent)


def on_disk(file: IO[bytes]) -> None:
    """Return once what was written is on the disk."""
    file.flush()
    os.fsync(file.fileno())


def write_json(path: Path, members: dict[str, Any]) -> None:
    """Write a JSON object whole."""
    with written_whole(path) as file:
        file.write(json.dumps(members, ensure_ascii=False).encode())


def read_json(path: Path) -> dict[str, Any] | None:
    """Return the JSON object of a file, None where there is no file; raises CannotExport where it holds none."""
    try:
        members = json.loads(path.read_bytes())
    except FileNotFoundError:
        return None
    except ValueError:
        members = None
    if not isinstance(members, dict):
        raise CannotExport(f"{path} is not the state of an export.")
    return members


@contextmanager
def opened_alone(path: Path) -> Iterator[BinaryIO]:
    """Give a file for reading and writing, made where there was none; raises CannotExport while another has it."""
    with os.fdopen(os.open(path, os.O_RDWR | os.O_CREAT, _FOR_ITS_OWNER), "r+b") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise CannotExport(f"Another export writes {path} right now.") from None
        yield file


def _settle_folder(folder: Path) -> None:
    # A new name is on the disk once its folder is.
    opened = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(opened)
    finally:
        os.close(opened)
