"""The landing zone: `<landing>/<table>/date=YYYY-MM-DD/*`, `_SUCCESS` when complete."""

import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
from pyarrow import fs

from include.days import Days
from include.errors import LandingError, StoreAwayError
from include.private_folder import make_private
from include.settings import uri_of
from include.store import is_file, make_folder, system_of

_ODD = re.compile(r"[^A-Za-z0-9._=+@,~-]")
TABLES = ("events", "listings", "users")
PRIVATE = frozenset({"users"})
"""Tables with contact data: on a local file system, only the owner may see what is written."""
SUCCESS = "_SUCCESS"


@dataclass(frozen=True)
class Landing:
    """A landing zone, on a file system or an object store."""

    location: str

    def folder_of(self, table: str) -> str:
        """URI of the folder of a table."""
        return f"{uri_of(self.location)}/{table}"

    def folder(self, table: str, day: date) -> str:
        """URI of the folder of a table and a day of arrival."""
        return f"{self.folder_of(table)}/date={day.isoformat()}"

    def is_complete(self, table: str, day: date) -> bool:
        """Whether the source said that the day is complete."""
        return is_file(f"{self.folder(table, day)}/{SUCCESS}")

    def incomplete(self, tables: Iterable[str], days: Days) -> list[str]:
        """Folders of the range that have no `_SUCCESS`."""
        return [
            self.folder(table, day)
            for table in tables
            for day in days
            if not self.is_complete(table, day)
        ]

    def files_of_complete(self, table: str, day: date) -> list[str]:
        """As `files`, of a day that was found complete.

        Raises:
            LandingError: As `files`.
            StoreAwayError: This listing lacks `_SUCCESS`. A store that answers "nothing here" for a
                moment must not make an empty day.
        """
        found, has_success = self._list(table, day)
        if not has_success:
            raise StoreAwayError(
                f"{self.folder(table, day)}: {SUCCESS} is there, but was not among the files that "
                "were listed: the store's answer can't be trusted; try again"
            )
        return found

    def files(self, table: str, day: date) -> list[str]:
        """URIs of a day's data files, sorted; names that start with `_` or `.` don't count.

        Raises:
            LandingError: There is a folder among them, or a name with letters that mean something
                in patterns or addresses of files.
        """
        return self._list(table, day)[0]

    def _list(self, table: str, day: date) -> tuple[list[str], bool]:
        """Data files, and whether `_SUCCESS` is among the listed; of one listing."""
        folder = self.folder(table, day)
        scheme = folder.split("://", 1)[0]
        system, path = system_of(folder)
        selector = fs.FileSelector(path, recursive=False, allow_not_found=True)
        listed = system.get_file_info(selector)
        found = [info for info in listed if not info.base_name.startswith(("_", "."))]
        for info in found:
            if info.type == fs.FileType.Directory:
                raise LandingError(
                    f"{folder}/{info.base_name}: is a folder, and would not be read. A day's files "
                    "lie side by side"
                )
            if odd := sorted(set(_ODD.findall(info.base_name))):
                raise LandingError(
                    f"{folder}/{info.base_name!r}: its name has {' '.join(map(repr, odd))} in it, "
                    "which readers take for something else: letters, digits and . _ - = + @ , ~ "
                    "are good"
                )
        has_success = any(info.base_name == SUCCESS for info in listed)
        return sorted(f"{scheme}://{info.path}" for info in found), has_success

    @contextmanager
    def write_day(self, table: str, day: date) -> Iterator["DayWriter"]:
        """Write a day's files and, if nothing went wrong, `_SUCCESS` at the end.

        Contact data lies in files with mode 0600 in folders with mode 0700; on an object store its
        own policies say who reads it.
        """
        system, path = system_of(self.folder(table, day))
        if system.get_file_info(path).type != fs.FileType.NotFound:
            system.delete_dir(path)
        is_private = table in PRIVATE and isinstance(system, fs.LocalFileSystem)
        if is_private:
            for folder in (Path(path).parent, Path(path)):
                make_private(folder)
        else:
            make_folder(system, path)
        writer = DayWriter(system, path, is_private)
        yield writer
        writer.open(SUCCESS).close()


@dataclass
class DayWriter:
    """Writes the Parquet files of one landing day."""

    system: fs.FileSystem
    path: str
    is_private: bool = False
    parts: int = 0

    def write(self, rows: pa.Table) -> None:
        """Write rows as one more file of the day."""
        with self.open(f"part-{self.parts:05d}.parquet") as file:
            pq.write_table(rows, file, coerce_timestamps="us")
        self.parts += 1

    def open(self, name: str) -> pa.NativeFile:
        """A new file of the day, to be written."""
        path = f"{self.path}/{name}"
        if self.is_private:
            Path(path).touch(mode=0o600)
        return self.system.open_output_stream(path)
