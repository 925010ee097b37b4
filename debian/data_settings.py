"""What the administrator has set on this machine: edited configuration files, lines in the environment file, drop-ins of
the units; and the app's SECRET_KEY.

What the administrator of the new machine has set there wins: a restore adds to it and never replaces it.
/usr/libexec/{{name}}/data imports this file.
"""

import grp
import hashlib
import os
import re
import shutil
import stat
import subprocess

from data_stack import CLEAN, ENVIRONMENT_FILE, NAME, PACKAGE_ENVIRONMENT, assignments, run, write_whole

SITE = f"/etc/nginx/sites-available/{NAME}"
# The only places that a restore writes to, as root.
PLACES = re.compile(
    rf"/etc/{re.escape(NAME)}/[^/]+(/[^/]+)?|/etc/nginx/sites-available/{re.escape(NAME)}"
    rf"|/etc/logrotate\.d/stackdeb-{re.escape(NAME)}"
    rf"|/etc/systemd/system/{re.escape(NAME)}(-[a-z-]+)?\.(service|socket|timer)\.d/[^/]+\.conf"
)
# Copies by editors and dpkg, and what Python and this program leave.
LEFT_OUT = re.compile(r".*(~|\.dpkg-[a-z]+|\.swp|\.pyc|\.stackdeb-new)")
# Where PostgreSQL is differs from machine to machine.
OF_THE_MACHINE = {"DATABASE_URL", "PGHOST", "PGPORT", "PGCLUSTER"}
# The largest size of one setting, in bytes.
LONGEST = 1 << 20


def pristine():
    """The MD5 of each configuration file as the package installed it, by path."""
    listed = subprocess.run(
        ["dpkg-query", "--show", "--showformat=${Conffiles}", NAME], env=CLEAN, stdout=subprocess.PIPE, check=True
    )
    words = [line.split() for line in listed.stdout.decode().splitlines()]
    return dict((word[0], word[1]) for word in words if len(word) >= 2)


def read(path):
    """The content, mode and group of a plain file; None for anything else."""
    try:
        number = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:
        return None
    with os.fdopen(number, "rb") as file:
        status = os.fstat(file.fileno())
        if not stat.S_ISREG(status.st_mode) or status.st_size > LONGEST:
            return None
        return file.read(LONGEST), stat.S_IMODE(status.st_mode) & 0o777, status.st_gid


def candidates():
    """Every path at which a setting may be, sorted."""
    folders = [f"/etc/{NAME}", "/etc/systemd/system"]
    found = [SITE, f"/etc/logrotate.d/stackdeb-{NAME}"]
    for top in folders:
        for folder, _, files in os.walk(top):
            found += [os.path.join(folder, name) for name in files]
    ours = [path for path in found if PLACES.fullmatch(path) and not LEFT_OUT.fullmatch(path)]
    # The first is kept line by line; the second has a password of this machine's first boot.
    others = (ENVIRONMENT_FILE, f"/etc/{NAME}/database-admin.env")
    # The image, and not the administrator, has made `10-image.conf`.
    return sorted(path for path in ours if path not in others and not path.endswith("/10-image.conf"))


def edited():
    """The files that differ from the package's, or that it does not have: (path, content, mode)."""
    known = pristine()
    for path in candidates():
        found = read(path)
        if found and hashlib.md5(found[0]).hexdigest() != known.get(path):
            yield path, found[0], found[1]


def edited_lines(text):
    """The lines of an environment file that do not come from the package, by the name of their variable."""
    lines = assignments(text)
    return dict((name, line) for name, value, line in lines if (name, value) not in PACKAGE_ENVIRONMENT)


def environment_text():
    found = read(ENVIRONMENT_FILE)
    return found[0].decode("utf-8", "surrogateescape") if found else ""


def environment_lines():
    """What of the environment file is carried to another machine."""
    lines = edited_lines(environment_text())
    return "".join(f"{line}\n" for name, line in lines.items() if name not in OF_THE_MACHINE)


class Change:
    """Settings from a save, except those that this machine has itself. `notes` says what was not taken over."""

    def __init__(self):
        self.notes, self._files = [], []
        self._known = pristine()
        self._group = grp.getgrnam(NAME).gr_gid

    def add_file(self, path, content, mode):
        if not PLACES.fullmatch(path) or ".." in path.split("/"):
            self.notes.append(f"{path} is not a place of settings, so it was left out")
            return
        there = read(path)
        if there is None and (os.path.lexists(path) or path in self._known):
            self.notes.append(f"{path} was removed or replaced here, and stays so")
        elif there and there[0] != content and hashlib.md5(there[0]).hexdigest() != self._known.get(path):
            self.notes.append(f"{path} was edited here, and stays as it is; the save has another")
        elif not there or there[0] != content:
            self._files.append((path, content, mode, there[2] if there else 0))

    def add_lines(self, text, host):
        here = environment_text()
        mine = edited_lines(here)
        lines = [line for name, line in edited_lines(text).items() if name not in mine and name not in OF_THE_MACHINE]
        stay = [name for name, line in edited_lines(text).items() if name in mine and mine[name] != line]
        self.notes += [f"{name} is set here in {ENVIRONMENT_FILE}, and stays as it is" for name in stay]
        if lines:
            here += "" if not here or here.endswith("\n") else "\n"
            content = here + f"# Brought from {host}:\n" + "".join(f"{line}\n" for line in lines)
            self._files.append((ENVIRONMENT_FILE, content.encode("utf-8", "surrogateescape"), 0o640, self._group))

    def apply(self, backup, remember):
        """Writes the files. Copies of what was there go to the folder `backup`; `remember` stores how to undo it."""
        os.makedirs(backup, mode=0o700, exist_ok=True)
        undo = []
        for number, (path, content, mode, group) in enumerate(self._files):
            copy = os.path.join(backup, str(number))
            there = os.path.exists(path)
            if there:
                shutil.copy2(path, copy)
                status = os.stat(path)
                mode, group = stat.S_IMODE(status.st_mode), status.st_gid
            undo.append([path, copy if there else "", mode, group])
            remember(undo)
            os.makedirs(os.path.dirname(path), mode=0o755, exist_ok=True)
            write_whole(path, content, mode, group=group)
            if path == SITE and not run("nginx", "-t", "-q"):
                revert([undo.pop()])
                self.notes.append(f"{SITE} of the save does not fit nginx here (see above), and was not taken over")
        reload_units(undo)


def revert(undo):
    """Puts back what `apply` has changed. May be repeated."""
    for path, copy, mode, group in undo:
        if not copy:
            if os.path.lexists(path):
                os.unlink(path)
        elif os.path.exists(copy):
            with open(copy, "rb") as file:
                write_whole(path, file.read(), mode, group=group)
    reload_units(undo)


def reload_units(undo):
    paths = [entry[0] for entry in undo]
    if any(path.startswith("/etc/systemd/") for path in paths):
        run("systemctl", "daemon-reload")
    if SITE in paths and run("nginx", "-t", "-q"):
        run("systemctl", "try-reload-or-restart", "nginx.service")
