"""The data in the stack's own Valkey. A save has them as a snapshot in Valkey's own format (RDB), as `valkey-cli --rdb` gets
it while the app goes on. A Valkey that may remove any key when its memory is used up (allkeys-lru and its like) is a cache:
what it holds is not saved, and a restore empties it, because it was made from other data.

/usr/libexec/{{name}}/data imports this file.
"""

import contextlib
import hashlib
import json
import os
import pwd
import shutil
import stat
import subprocess
import tempfile

from data_stack import NAME, VALKEY, Failed, run, start_as, sync

UNIT = f"{NAME}-valkey.service"
SOCKET = f"/run/{NAME}/valkey/valkey.sock"
FOLDER = f"/var/lib/{NAME}/valkey"
SNAPSHOT = "dump.rdb"
# What Valkey reads at its start if it writes each change to the disk: a file with everything, and a list of one.
APPENDED = "appendonlydir"
BASE = "appendonly.aof.1.base.rdb"
LIST = f"file {BASE} seq 1 type b\n"
BLOCK = 1 << 20
# Debian 12 has Redis 7 in place of Valkey.
CLIENT = "valkey-cli" if shutil.which("valkey-cli") else "redis-cli"
# Seconds between two signs of life while Valkey writes.
PAUSE = 5


def start_client(*words, **options):
    """The app's user asks: the socket is open to it."""
    return start_as(NAME, [CLIENT, "-s", SOCKET, "-e", *words], stdin=subprocess.DEVNULL, **options)


def ask(*words):
    process = start_client(*words, stdout=subprocess.PIPE, text=True)
    answer, _ = process.communicate()
    if process.returncode:
        raise Failed(f"Valkey does not answer (see above): systemctl status {UNIT}")
    return answer


def place():
    """Where its data are, for a save: `none` without Valkey, `cache` if they are not worth a save."""
    if not VALKEY:
        return "none"
    return "cache" if ask("CONFIG", "GET", "maxmemory-policy").split()[-1].startswith("allkeys-") else "here"


def counts():
    """For each of its databases, the name, the number of keys, and the number of those that never expire."""
    found = []
    for line in ask("INFO", "keyspace").split():
        name, _, rest = line.partition(":keys=")
        if rest:
            keys, expiring = int(rest.split(",")[0]), int(rest.partition("expires=")[2].split(",")[0])
            found.append([name, keys, keys - expiring])
    return found


def lasting():
    """What stays the same as long as nobody writes: the number of keys that never expire."""
    if place() != "here":
        return []
    return [[name, kept] for name, _, kept in counts() if kept]


def overview():
    memory = ask("INFO", "memory").partition("used_memory:")[2].split()
    return dict(keys=sum(keys for _, keys, _ in counts()), bytes=int(memory[0]) if memory else 0)


@contextlib.contextmanager
def snapshot(sign_of_life):
    """An open file with everything as it is at one moment."""
    entry = pwd.getpwnam(NAME)
    with tempfile.TemporaryDirectory(prefix="valkey-", dir=f"/var/lib/{NAME}") as folder:
        os.chown(folder, entry.pw_uid, entry.pw_gid)
        path = f"{folder}/{SNAPSHOT}"
        process = start_client("--rdb", path, stdout=2)
        while True:
            try:
                status = process.wait(PAUSE)
                break
            except subprocess.TimeoutExpired:
                sign_of_life()
        if status:
            raise Failed(f"Valkey has written no snapshot (see above): journalctl -u {UNIT}")
        # The folder is root's before root opens a file in it.
        os.chown(folder, 0, 0)
        number = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
        with os.fdopen(number, "rb") as file:
            found = os.fstat(number)
            if not stat.S_ISREG(found.st_mode) or found.st_nlink != 1:
                raise Failed("the snapshot of Valkey is not a plain file")
            yield file, found.st_size


def copy(file, size, write):
    """Copies `size` bytes, and returns what a save says of them."""
    digest, rest = hashlib.sha256(), size
    while rest:
        block = file.read(min(BLOCK, rest))
        if not block:
            raise Failed("the snapshot of Valkey was cut off")
        digest.update(block)
        write(block)
        rest -= len(block)
    return dict(bytes=size, sha256=digest.hexdigest())


class Filling:
    """New data, in a folder of their own beside the old ones. Without a snapshot, Valkey begins empty."""

    def __init__(self, folder):
        os.mkdir(folder, 0o700)
        self._folder, self._received, self._saved = folder, None, None

    def take(self, name, file, size):
        if name == SNAPSHOT and not self._received:
            with open(f"{self._folder}/{SNAPSHOT}", "xb") as out:
                self._received = copy(file, size, out.write)
        elif name == "sums.json":
            self._saved = json.loads(file.read(BLOCK))
        else:
            raise Failed(f"the save has the unknown part valkey/{name}: use a newer version of the package here")

    def finish(self):
        if self._received != self._saved:
            raise Failed(f"the snapshot of Valkey differs from the saved one: {self._received} and {self._saved}")
        appended = f"{self._folder}/{APPENDED}"
        if self._received:
            os.mkdir(appended, 0o750)
            # The first is read by a Valkey that was told to write no changes (`appendonly no`), the second by every other.
            os.link(f"{self._folder}/{SNAPSHOT}", f"{appended}/{BASE}")
            with open(f"{appended}/appendonly.aof.manifest", "x", encoding="utf-8") as file:
                file.write(LIST)
        user, group = pwd.getpwnam("valkey").pw_uid, pwd.getpwnam(NAME).pw_gid
        for folder, _, names in os.walk(self._folder):
            for name in names:
                path = f"{folder}/{name}"
                os.chmod(path, 0o640)
                os.chown(path, user, group)
                sync(path)
            os.chmod(folder, 0o750)
            os.chown(folder, user, group)
            sync(folder)


def stop():
    if not run("systemctl", "stop", UNIT):
        raise Failed(f"Valkey cannot be stopped: systemctl status {UNIT}")


def start():
    run("systemctl", "reset-failed", UNIT)
    if not run("systemctl", "start", UNIT):
        raise Failed(f"Valkey does not start with these data: journalctl -u {UNIT}")


def put_in_place(new, old):
    os.rename(FOLDER, old)
    os.rename(new, FOLDER)
    sync(os.path.dirname(FOLDER))


def put_back(new, old):
    """Undoes `put_in_place`. May be repeated."""
    if os.path.lexists(old):
        if os.path.lexists(FOLDER):
            shutil.rmtree(new, ignore_errors=True)
            os.rename(FOLDER, new)
        os.rename(old, FOLDER)
        sync(os.path.dirname(FOLDER))
