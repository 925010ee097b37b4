"""What the programs for the data of {{name}} share: its names, its environment file, and programs that run as another user.

/usr/libexec/{{name}}/data imports this file.
"""

import functools
import os
import pwd
import subprocess
import sys

NAME = "{{name}}"
VERSION = "{{version}}"
# Empty if the stack has no database.
DATABASE = "{{database}}"
# Whether the stack has a Valkey of its own.
VALKEY = {{#if has_valkey}}True{{else}}False{{/if}}
# The lines that the package itself writes into the environment file.
PACKAGE_ENVIRONMENT = [
{{#each environment}}
    ({{yaml this.name}}, {{yaml this.value}}),
{{/each}}
]

# What the app writes. Its user owns the folder, so root never opens a file in it.
APP_FOLDER = f"/var/lib/{NAME}/app"
SECRET_FILE = f"/var/lib/{NAME}/secret.env"
ENVIRONMENT_FILE = f"/etc/{NAME}/{NAME}.env"
MAINTENANCE = f"/usr/libexec/{NAME}/maintenance"

# Nothing of the caller's environment reaches a program that is started here.
CLEAN = dict(PATH="/usr/sbin:/usr/bin:/sbin:/bin", LC_ALL="C.UTF-8")


class Failed(Exception):
    """A sentence for the user: what failed, and what to do."""


def say(text):
    print(f"{NAME}: {text}", file=sys.stderr, flush=True)


def start_as(user, arguments, **options):
    """Starts a program as `user`, who keeps no group and no right of root's."""
    entry = pwd.getpwnam(user)
    options.setdefault("cwd", "/")
    options.setdefault("env", CLEAN)
    return subprocess.Popen(arguments, user=entry.pw_uid, group=entry.pw_gid, extra_groups=[], **options)


def part(*arguments):
    """The command line of a part of /usr/libexec/{{name}}/data that runs as the app's user."""
    return [sys.executable, "-IBXutf8", f"/usr/libexec/{NAME}/data", *arguments]


def run(*arguments):
    """Runs a program of the system's as root; False if it fails. What it says goes to standard error."""
    done = subprocess.run(arguments, env=CLEAN, cwd="/", stdin=subprocess.DEVNULL, stdout=2, check=False)
    return done.returncode == 0


def assignments(text):
    """The assignments of an environment file as systemd.exec(5) reads it: (name, value, lines). The last one of a name wins."""
    found = []
    lines = text.split("\n")
    place = 0
    while place < len(lines):
        first = place
        place += 1
        line = lines[first].lstrip()
        if not line or line[0] in "#;" or "=" not in line:
            continue
        name, rest = line.split("=", 1)
        value, complete = unquote(rest)
        while not complete and place < len(lines):
            rest += "\n" + lines[place]
            place += 1
            value, complete = unquote(rest)
        found.append((name.strip(), value, "\n".join(lines[first:place])))
    return found


def unquote(text):
    """The value that is written as `text`, and whether it ends there: a quoted one may have several lines."""
    value, quote, place = [], "", 0
    text = text.strip(" \t\r")
    while place < len(text):
        character = text[place]
        place += 1
        if character == "\\" and quote != "'":
            if place == len(text):
                return "".join(value), False
            following = text[place]
            place += 1
            if following != "\n":
                # Between double quotes, a backslash stays before any other character.
                if quote and following not in '"\\`$':
                    value.append(character)
                value.append(following)
        elif character == quote:
            quote = ""
        elif character in "\"'" and not quote:
            quote = character
        else:
            value.append(character)
    return "".join(value), not quote


def environment():
    """The variables in the environment file."""
    try:
        with open(ENVIRONMENT_FILE, encoding="utf-8", errors="surrogateescape") as file:
            return dict((name, value) for name, value, _ in assignments(file.read()))
    except FileNotFoundError:
        return dict()


@functools.cache
def has_local_database():
    """Whether the database is on this machine: DATABASE_URL can name one on another."""
    if not DATABASE:
        return False
    ask = [f"/usr/libexec/{NAME}/health-check", "connection", "--in", "DATABASE_URL", "--file", ENVIRONMENT_FILE, "place"]
    told = subprocess.run(ask, env=CLEAN, cwd="/", stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True, check=False)
    if told.returncode:
        raise Failed(f"DATABASE_URL in {ENVIRONMENT_FILE} is not understood (see above)")
    return told.stdout.strip() == "here"


def database_environment():
    """For the programs of PostgreSQL: no password and no variable of the app's, only where the server is."""
    known = environment()
    places = dict((name, known[name]) for name in ("PGHOST", "PGPORT", "PGCLUSTER") if known.get(name))
    return dict(CLEAN, PGCONNECT_TIMEOUT="10", **places)


def sync(path):
    """Waits until a file or folder is on the disk."""
    number = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(number)
    finally:
        os.close(number)


def write_whole(path, content, mode, owner=0, group=0):
    """Writes a file of root's that has its name only when it is whole."""
    new = f"{path}.stackdeb-new"
    number = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    with os.fdopen(number, "wb") as file:
        file.write(content)
        os.fchown(file.fileno(), owner, group)
        os.fchmod(file.fileno(), mode)
        file.flush()
        os.fsync(file.fileno())
    os.rename(new, path)
    sync(os.path.dirname(path))
