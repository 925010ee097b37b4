"""Restores a save: puts the new data beside the old ones, compares them with the sums in the save, and then lets
data_swap.py exchange them. A save that is cut off, damaged or of something else changes nothing.

/usr/libexec/{{name}}/data imports this file.
"""

import io
import json
import os
import pwd
import select
import shutil
import signal
import subprocess
import tarfile

import data_files as files
import data_postgresql as database
import data_settings as settings
import data_swap
import data_valkey as valkey
from data_stack import APP_FOLDER, DATABASE, NAME, VALKEY
from data_stack import Failed, has_local_database, part, say, start_as, write_whole
from data_swap import FOLDER, NEW_FILES, NEW_SECRET, NEW_VALKEY

# Seconds without a byte after which the sender counts as lost.
SILENCE = 120
LONGEST_JSON = 64 << 20


class Incoming(io.RawIOBase):
    """Standard input. It fails when the sender is silent for too long."""

    def readable(self):
        return True

    def readinto(self, buffer):
        if not select.select([0], [], [], SILENCE)[0]:
            raise Failed(f"nothing has come for {SILENCE} seconds; nothing here was changed")
        return os.readv(0, [buffer])


def describe(there):
    """Says in words which data are on this server. Without data, the text is empty."""
    parts = []
    contents = there.get("contents")
    if contents and contents["rows"]:
        parts.append(f"{contents['rows']} rows in the database {contents['name']}")
    if there["files"]["files"]:
        parts.append(f"{there['files']['files']} files in {APP_FOLDER}")
    keys = there.get("valkey_contents", dict()).get("keys")
    if keys:
        parts.append(f"{keys} keys in Valkey")
    return " and ".join(parts)


def restore(there, may_replace):
    data = describe(there)
    if data and not may_replace:
        raise Failed(f"there are {data}. They are replaced only with --replace; nothing was changed")
    shutil.rmtree(FOLDER, ignore_errors=True)
    os.mkdir(FOLDER, 0o711)
    data_swap.write_state("filling")
    try:
        incoming = Save(there)
        change = incoming.read()
    except BaseException:
        data_swap.recover()
        raise
    # From here on, a lost connection changes nothing: either the new data work, or the old ones are put back.
    for name in (signal.SIGHUP, signal.SIGTERM, signal.SIGINT):
        signal.signal(name, signal.SIG_IGN)
    was_well = data_swap.app_is_well()
    try:
        data_swap.swap(incoming, change)
        data_swap.start(incoming, must_be_well=was_well)
    except BaseException:
        say("the old data are put back")
        data_swap.recover()
        raise
    data_swap.write_state("done")
    data_swap.recover()
    return dict(incoming.result(), notes=change.notes)


class Save:
    """A save, while it is read from standard input."""

    def __init__(self, there):
        self._there, self.header, self._end = there, dict(), dict()
        self.has_secret, self._filling, self._receiving, self._valkey = False, None, None, None
        self._change = settings.Change()

    def read(self):
        try:
            with files.read_archive(io.BufferedReader(Incoming(), 1 << 16)) as archive:
                for info in archive:
                    self._take(archive, info)
                    if self._end:
                        break
            if not self._end:
                raise Failed("the save has no end: it was cut off; nothing here was changed")
            self._compare()
        except tarfile.TarError as error:
            raise Failed(f"the save is damaged or was cut off ({error}); nothing here was changed") from None
        finally:
            for process in (self._filling, self._receiving):
                if process:
                    process.abandon()
        return self._change

    def _take(self, archive, info):
        kind, _, rest = info.name.partition("/")
        if not self.header:
            if info.name != "stackdeb-data.json":
                raise Failed("this is not a save of `stackdeb data save`; nothing here was changed")
            self._begin(json.loads(content(archive, info)))
        elif info.name == "secret.env":
            group = pwd.getpwnam(NAME).pw_gid
            write_whole(NEW_SECRET, content(archive, info), 0o640, group=group)
            self.has_secret = True
        elif info.name == "environment":
            self._change.add_lines(content(archive, info).decode("utf-8", "surrogateescape"), self.header["host"])
        elif kind == "settings":
            self._change.add_file(f"/{rest}", content(archive, info), info.mode & 0o777)
        elif kind == "app":
            # The header that goes on to the app's user is made again, from the attributes alone.
            info.name, info.pax_headers = rest, {}
            self._receiving.write_member(archive, info)
        elif kind == "valkey" and self._valkey:
            self._valkey.take(rest, archive.extractfile(info), info.size)
        elif kind == "database" and self._filling:
            self._filling.write(content(archive, info))
        elif info.name == "end.json":
            self._end = json.loads(content(archive, info))
        elif info.name != "alive":
            raise Failed(f"the save has the unknown part {info.name!r}: use a newer version of the package here")

    def _begin(self, header):
        self.header = header
        if header["format"] != 1:
            raise Failed("the save was made by a newer version: use that version of the package here")
        if header["name"] != NAME:
            raise Failed(f"the save is of {header['name']}, and this is {NAME}; nothing here was changed")
        if header["database"] == "here":
            if not has_local_database():
                why = "is on another server: restore it there with pg_restore" if DATABASE else "is not in this package"
                raise Failed(f"the save has a database, but the one of this machine {why}; nothing here was changed")
            if DATABASE not in database.existing():
                raise Failed(f"there is no database {DATABASE} yet: see systemctl status {NAME}-database.service")
        if header.get("valkey") == "here" and not VALKEY:
            raise Failed("the save has data of Valkey, which this package does not have; nothing here was changed")
        self._require_room(header["room"])
        self._receiving = Receiving()
        self._filling = database.Filling() if header["database"] == "here" else None
        # A save by a version that did not know of Valkey says nothing about it, and changes nothing.
        self._valkey = valkey.Filling(NEW_VALKEY) if VALKEY and "valkey" in header else None

    def _require_room(self, room):
        # Indexes are made again, and PostgreSQL writes a journal of what it does.
        beside = room["files"] + room.get("valkey", 0)
        for path, bytes_needed in ((FOLDER, beside), (database_folder(), room["database"] * 3 // 2)):
            status = os.statvfs(path)
            free = status.f_bavail * status.f_frsize
            if bytes_needed > free:
                raise Failed(f"{bytes_needed} bytes are needed beside the old data, and {path} has {free} bytes free")

    def _compare(self):
        found = self._receiving.finish()
        if found != self._end["files"]:
            raise Failed(f"the files differ from the saved ones: {found} and {self._end['files']}")
        if self._valkey:
            self._valkey.finish()
        if self._filling:
            rows, saved = self._filling.finish(), self._end["database"]
            tables = [row for row in rows if row[0] != "sequence"]
            different = [row for row in saved if row not in rows] + [row for row in tables if row not in saved]
            if different:
                raise Failed(f"the database differs from the saved one: {different[0]}")

    @property
    def has_database(self):
        return self._filling is not None

    @property
    def has_valkey(self):
        return self._valkey is not None

    def result(self):
        return dict(header=self.header, end=self._end)


def content(archive, info):
    if info.size > LONGEST_JSON:
        raise Failed(f"{info.name!r} of the save is longer than {LONGEST_JSON} bytes")
    file = archive.extractfile(info)
    return file.read() if file else b""


def database_folder():
    return database.size_of_folder() if has_local_database() else FOLDER


class Receiving:
    """The app's user, unpacking the files into a folder of its own."""

    def __init__(self):
        entry = pwd.getpwnam(NAME)
        os.mkdir(NEW_FILES, 0o700)
        os.chown(NEW_FILES, entry.pw_uid, entry.pw_gid)
        pipe = subprocess.PIPE
        self._process = start_as(NAME, part("receive"), cwd=NEW_FILES, stdin=pipe, stdout=pipe)

    def write_member(self, archive, info):
        try:
            self._process.stdin.write(info.tobuf(tarfile.PAX_FORMAT, "utf-8", "surrogateescape"))
            file = archive.extractfile(info) if info.isreg() else None
            while file and (block := file.read(files.BLOCK)):
                self._process.stdin.write(block)
            self._process.stdin.write(files.padding(info.size if file else 0))
        except BrokenPipeError:
            raise Failed("the files could not be written (see above); nothing here was changed") from None

    def finish(self):
        self._process.stdin.write(b"\0" * 2 * tarfile.BLOCKSIZE)
        printed, _ = self._process.communicate()
        if self._process.returncode:
            raise Failed("the files could not be written (see above); nothing here was changed")
        return json.loads(printed)

    def abandon(self):
        if self._process.poll() is None:
            self._process.kill()
            self._process.wait()
