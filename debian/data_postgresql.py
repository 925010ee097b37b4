"""The database of the stack: dumped, counted and restored as the app's own user, by peer authentication.

As the user postgres, databases are only made, renamed and dropped, in fixed statements that evaluate nothing of the app's.
/usr/libexec/{{name}}/data imports this file.
"""

import json
import select
import subprocess
import tempfile
import time

from data_stack import DATABASE, NAME, Failed, database_environment, start_as

# A new database while it is filled, and the old one until the new one has proved itself. PostgreSQL's names have at most 63
# bytes.
FILLING = f"{DATABASE[:40]}.filling"
REPLACED = f"{DATABASE[:40]}.replaced"

# Seconds between two signs of life while PostgreSQL works and no byte of the dump comes.
SIGN_OF_LIFE = 15

PSQL = ["psql", "--no-psqlrc", "--quiet", "--no-align", "--tuples-only", "--set", "ON_ERROR_STOP=1"]

# The same row has the same text on every machine. Partitions are counted, but not the tables that only group them; the
# tables of extensions belong to the extensions.
COUNT = r"""
SET timezone = 'UTC'; SET datestyle = 'ISO, YMD'; SET intervalstyle = 'postgres'; SET extra_float_digits = 1;
SET bytea_output = 'hex'; SET search_path = pg_catalog; SET row_security = off; SET client_encoding = 'UTF8';
SELECT format($f$SELECT json_build_array('table', %L, count(*),
        coalesce(sum(('x' || left(md5("stackdeb row"::text), 15))::bit(60)::bigint::numeric), 0)::text)
    FROM ONLY %I.%I AS "stackdeb row"$f$, n.nspname || '.' || c.relname, n.nspname, c.relname)
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind = 'r' AND c.relpersistence <> 't' AND n.nspname NOT IN ('pg_catalog', 'information_schema')
    AND NOT EXISTS (SELECT FROM pg_depend d
        WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.deptype = 'e')
ORDER BY n.nspname, c.relname \gexec
SELECT json_build_array('large objects', '', count(*), '') FROM pg_largeobject_metadata;
"""

SEQUENCES = r"""
SELECT json_build_array('sequence', schemaname || '.' || sequencename, coalesce(last_value, -1), '')
FROM pg_catalog.pg_sequences ORDER BY schemaname, sequencename;
"""

OVERVIEW = r"""
SELECT format('SELECT json_build_array(%L, count(*)) FROM %I.%I', n.nspname || '.' || c.relname, n.nspname, c.relname)
FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind IN ('r', 'p') AND NOT c.relispartition AND n.nspname NOT IN ('pg_catalog', 'information_schema')
    AND c.relpersistence <> 't' AND c.relname <> 'schema_migrations' AND NOT EXISTS (SELECT FROM pg_catalog.pg_depend d
        WHERE d.classid = 'pg_catalog.pg_class'::regclass AND d.objid = c.oid AND d.deptype = 'e')
ORDER BY 1 \gexec
"""


def overview():
    """What a person wants to know of the database: how many tables have rows, how many rows, and its size in bytes."""
    with Session(DATABASE) as session:
        counts = [json.loads(line)[1] for line in session.ask(OVERVIEW)]
        size = int(session.ask("SELECT pg_catalog.pg_database_size(pg_catalog.current_database());")[0])
    return dict(name=DATABASE, tables=sum(1 for count in counts if count), rows=sum(counts), bytes=size)


def start_client(command, database, answers, errors):
    """Starts a program of PostgreSQL's for that database as the app's user. What it reads is written to its `stdin`."""
    return start_as(
        NAME,
        [*command, "--dbname", f"dbname='{database}'"],
        stdin=subprocess.PIPE,
        stdout=answers,
        stderr=errors,
        env=database_environment(),
    )


class Session:
    """A psql as the app's user, for questions that are answered one after the other."""

    def __init__(self, database):
        self._errors = tempfile.TemporaryFile()
        self._psql = start_client(PSQL, database, subprocess.PIPE, self._errors)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._psql.stdin.close()
        self._psql.stdout.close()
        self._psql.wait()
        self._errors.close()

    def ask(self, sql, sign_of_life=lambda: None):
        """The lines that the statements print. `sign_of_life` is called again and again until they have come."""
        try:
            self._psql.stdin.write(f"{sql}\n\\echo =end=\n".encode())
            self._psql.stdin.flush()
        except BrokenPipeError:
            pass
        lines = []
        while True:
            while not select.select([self._psql.stdout], [], [], SIGN_OF_LIFE)[0]:
                sign_of_life()
            # Bytes that select cannot see wait in the buffer, so all whole lines are taken at once.
            chunk = self._psql.stdout.read1(1 << 20)
            if not chunk:
                raise Failed(f"PostgreSQL refuses: {tail(self._errors)}")
            lines.append(chunk)
            if b"".join(lines[-2:]).endswith(b"=end=\n"):
                break
        return b"".join(lines).decode("utf-8", "surrogateescape").split("\n")[:-2]


def counts(session, sign_of_life=lambda: None):
    """Rows and a checksum of each table, and the values of sequences, as [kind, name, number, checksum]."""
    return [json.loads(line) for line in session.ask(COUNT + SEQUENCES, sign_of_life)]


def tail(file):
    """The end of what a program said to its standard error."""
    file.seek(0)
    return file.read()[-2000:].decode("utf-8", "replace").strip() or "it says no reason"


def save(write_chunk, sign_of_life):
    """Dumps the database in pieces, and returns its counts of the same moment. The app may go on writing meanwhile."""
    with Session(DATABASE) as session, tempfile.TemporaryFile() as errors:
        before = session.ask(SEQUENCES)
        session.ask("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY;")
        snapshot = session.ask("SELECT pg_catalog.pg_export_snapshot();")[0]
        command = ["pg_dump", "--format=custom", "--lock-wait-timeout=60s", f"--snapshot={snapshot}"]
        dump = start_as(
            NAME,
            [*command, "--dbname", f"dbname='{DATABASE}'"],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=errors,
            env=database_environment(),
        )
        try:
            send_pieces(dump.stdout, write_chunk, sign_of_life)
        finally:
            dump.stdout.close()
            status = dump.wait()
        if status:
            raise Failed(f"pg_dump failed: {tail(errors)}")
        found = counts(session, sign_of_life)
    with Session(DATABASE) as session:
        after = session.ask(SEQUENCES)
    # Sequences do not obey the snapshot. One that moved is in the dump, but cannot be compared.
    steady = [json.loads(line) for line in before if line in after]
    return [row for row in found if row[0] != "sequence" or row in steady]


def send_pieces(stream, write_chunk, sign_of_life, size=4 << 20):
    """Hands on what `stream` gives, in pieces of `size` bytes."""
    piece = bytearray()
    while True:
        while not select.select([stream], [], [], SIGN_OF_LIFE)[0]:
            sign_of_life()
        read = stream.read1(size - len(piece))
        piece += read
        if piece and (not read or len(piece) == size):
            write_chunk(bytes(piece))
            piece.clear()
        if not read:
            return


def administer(sql):
    """Runs fixed statements as PostgreSQL's administrator, in the database `postgres`; returns what they print."""
    names = [("role", NAME), ("database", DATABASE), ("filling", FILLING), ("replaced", REPLACED)]
    settings = [word for name, value in names for word in ("--set", f"{name}={value}")]
    with tempfile.TemporaryFile() as errors:
        psql = start_as(
            "postgres",
            [*PSQL, *settings, "--dbname", "dbname=postgres"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=errors,
            env=database_environment(),
        )
        printed, _ = psql.communicate(("SET search_path = pg_catalog;\n" + sql).encode())
        if psql.returncode:
            raise Failed(f"PostgreSQL refuses: {tail(errors)}")
        return printed.decode().split("\n")[:-1]


def existing():
    """Which of the three databases there are."""
    return set(administer("SELECT datname FROM pg_database WHERE datname IN (:'database', :'filling', :'replaced');"))


def size_of_folder():
    """The path of the cluster's files, to see how much room there is."""
    return administer("SHOW data_directory;")[0]


class Filling:
    """The new database while it is filled from a dump."""

    def __init__(self):
        administer(
            r"""
            DROP DATABASE IF EXISTS :"filling" WITH (FORCE);
            CREATE DATABASE :"filling" OWNER :"role" TEMPLATE template0 ENCODING 'UTF8'
                LC_COLLATE 'C.UTF-8' LC_CTYPE 'C.UTF-8';
            SELECT format('COMMENT ON DATABASE %I IS %L', :'filling', shobj_description(oid, 'pg_database'))
            FROM pg_database WHERE datname = :'database' AND shobj_description(oid, 'pg_database') IS NOT NULL \gexec
            """
        )
        self._errors = tempfile.TemporaryFile()
        command = ["pg_restore", "--exit-on-error", "--single-transaction", "--no-owner", "--no-privileges"]
        self._restore = start_client(command, FILLING, subprocess.DEVNULL, self._errors)

    def write(self, piece):
        try:
            self._restore.stdin.write(piece)
        except BrokenPipeError:
            self.finish()
            raise Failed("pg_restore ended before it had read the whole dump") from None

    def finish(self):
        """Ends the restore, and returns the counts of what is there now."""
        try:
            self._restore.stdin.close()
        except BrokenPipeError:
            pass
        if self._restore.wait():
            raise Failed(f"pg_restore failed: {tail(self._errors)}")
        with Session(FILLING) as session:
            return counts(session)

    def abandon(self):
        if self._restore.poll() is None:
            self._restore.kill()
            self._restore.wait()


def exchange(old, new, aside):
    """Gives `new` the name of `old`, which is called `aside` from then on: both at once, or nothing."""
    statements = f"""
        SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname IN (:'{old}', :'{new}') \\g /dev/null
        BEGIN;
        ALTER DATABASE :"{old}" RENAME TO :"{aside}";
        ALTER DATABASE :"{new}" RENAME TO :"{old}";
        COMMIT;
    """
    for attempt in range(40):
        try:
            administer(statements)
            return
        except Failed:
            # Somebody, such as the health check, has connected again.
            if attempt == 39:
                raise
            time.sleep(0.25)


def put_in_place():
    exchange("database", "filling", "replaced")


def put_back():
    if REPLACED in existing():
        exchange("database", "replaced", "filling")


def drop(name):
    """Drops the database that is called `filling` or `replaced`."""
    administer(f'DROP DATABASE IF EXISTS :"{name}" WITH (FORCE);')
