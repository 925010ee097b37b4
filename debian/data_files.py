"""The files of the app, in /var/lib/{{name}}/app. The app's user owns them, so they are read and written as this user.

/usr/libexec/{{name}}/data runs `send` and `receive` in processes of that user, with the folder as their working directory.
A save is a tar archive in the format of POSIX.1-2001 (pax).
"""

import hashlib
import json
import os
import stat
import sys
import tarfile

from data_stack import NAME, Failed, say

PREFIX = "app/"
BLOCK = 1 << 20


def member(name, size=0, mode=0o600, mtime=0, kind=tarfile.REGTYPE, target=""):
    """The header of a member of the archive."""
    info = tarfile.TarInfo(name)
    info.size, info.mode, info.mtime, info.type, info.linkname = size, mode, mtime, kind, target
    info.uname = info.gname = NAME
    return info.tobuf(tarfile.PAX_FORMAT, "utf-8", "surrogateescape")


def read_archive(stream):
    return tarfile.open(fileobj=stream, mode="r|", encoding="utf-8", errors="surrogateescape")


def padding(size):
    return b"\0" * (-size % tarfile.BLOCKSIZE)


def write_member(out, name, content, mode=0o600):
    out.write(member(name, len(content), mode) + content + padding(len(content)))


def paths():
    """The path of everything in the working directory, sorted, with what lstat(2) says of it."""

    def refuse(error):
        raise error

    found = []
    for folder, folders, files in os.walk(".", onerror=refuse):
        for name in folders + files:
            path = os.path.join(folder, name)[2:]
            found.append((path, os.lstat(path)))
    return sorted(found)


def state(found):
    """What changes when somebody writes."""
    return [(path, s.st_mode, s.st_size, s.st_mtime_ns, s.st_ino) for path, s in found]


class Summary:
    """Counts files and bytes, and makes one checksum of names, modes and contents."""

    def __init__(self):
        self.files, self.bytes, self._hash = 0, 0, hashlib.sha256()

    def add(self, path, kind, mode, content):
        self._hash.update(json.dumps([path, kind, mode, content]).encode() + b"\n")

    def add_file(self, path, mode, size, digest):
        self.files, self.bytes = self.files + 1, self.bytes + size
        self.add(path, "file", mode, digest)

    def result(self):
        return dict(files=self.files, bytes=self.bytes, sha256=self._hash.hexdigest())


def walk(out=None):
    """Sums up everything in the working directory and, if `out` is given, writes it there as members of an archive."""
    summary = Summary()
    for path, status in paths():
        mode, mtime = stat.S_IMODE(status.st_mode) & 0o777, status.st_mtime_ns // 1_000_000_000
        if stat.S_ISDIR(status.st_mode):
            summary.add(path, "folder", mode, "")
            if out:
                out.write(member(PREFIX + path, mode=mode, mtime=mtime, kind=tarfile.DIRTYPE))
        elif stat.S_ISLNK(status.st_mode):
            target = os.readlink(path)
            summary.add(path, "link", 0, target)
            if out:
                out.write(member(PREFIX + path, mode=0o777, mtime=mtime, kind=tarfile.SYMTYPE, target=target))
        elif stat.S_ISREG(status.st_mode):
            digest = copy_file(path, status.st_size, mode, mtime, out)
            summary.add_file(path, mode, status.st_size, digest)
        elif out:
            say(f"{path!r} is neither a file nor a folder nor a link, so it is left out")
    return summary.result()


def copy_file(path, size, mode, mtime, out):
    """Reads a file, writes it to `out`, and returns its SHA-256."""
    digest, rest = hashlib.sha256(), size
    if out:
        out.write(member(PREFIX + path, size, mode, mtime))
    number = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    with os.fdopen(number, "rb", buffering=0) as file:
        while rest:
            block = file.read(min(BLOCK, rest))
            if not block:
                raise Failed(changed(path))
            digest.update(block)
            rest -= len(block)
            if out:
                out.write(block)
    if out:
        out.write(padding(size))
    return digest.hexdigest()


def changed(path):
    return (
        f"{path!r} in the app's folder changed while it was saved: save again with --maintenance, which stops the app "
        "for as long as it takes"
    )


def send(number):
    """Writes the files to standard output, and their summary to the file `number`. Fails if one changes meanwhile."""
    before = paths()
    summary = walk(sys.stdout.buffer)
    sys.stdout.buffer.flush()
    different = set(state(before)) ^ set(state(paths()))
    if different:
        raise Failed(changed(min(different)[0]))
    with os.fdopen(number, "w", encoding="utf-8") as file:
        json.dump(summary, file)


def receive():
    """Unpacks an archive from standard input, and prints the summary of what is there then."""
    with read_archive(sys.stdin.buffer) as archive:
        for info in archive:
            unpack(archive, info)
    # The deepest first, because a folder may not be open to its owner.
    for path, mode in reversed(FOLDERS):
        os.chmod(path, mode & 0o777)
    os.chmod(".", 0o750)
    os.sync()
    print(json.dumps(walk()))


def unpack(archive, info):
    path = info.name
    parts = path.split("/")
    if not path.strip("/") or any(part in ("", ".", "..") for part in parts):
        raise Failed(f"the save has the impossible path {path!r}")
    parent = os.open(".", os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    for part in parts[:-1]:
        try:
            # A link in the save never leads out of the folder.
            inner = os.open(part, os.O_PATH | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=parent)
        finally:
            os.close(parent)
        parent = inner
    try:
        if info.isdir():
            # Writable until everything is in it.
            os.mkdir(parts[-1], 0o700, dir_fd=parent)
            FOLDERS.append((path, info.mode))
        elif info.issym():
            os.symlink(info.linkname, parts[-1], dir_fd=parent)
        elif info.isreg():
            flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
            number = os.open(parts[-1], flags, 0o600, dir_fd=parent)
            with os.fdopen(number, "wb") as file:
                content = archive.extractfile(info)
                while block := content.read(BLOCK):
                    file.write(block)
                file.flush()
                os.fchmod(file.fileno(), info.mode & 0o777)
                os.utime(file.fileno(), (info.mtime, info.mtime))
        else:
            raise Failed(f"the save has {path!r}, which is neither a file nor a folder nor a link")
    finally:
        os.close(parent)


# The folders that were made, with the modes that they get when everything is unpacked.
FOLDERS = []
