"""The web application of the stack: Flask, with PostgreSQL behind it."""

import os
import threading

import psycopg2
from flask import Flask

app = Flask(__name__)
# Made by the package, for each machine its own: app.service says how.
app.secret_key = os.environ.get("SECRET_KEY")


class Database:
    """One connection for each of Gunicorn's threads, made when it is first needed and again after it was lost."""

    def __init__(self):
        self._local = threading.local()

    def query(self, *statements):
        """Runs the statements in one transaction and returns the first value that the last one gives.

        A connection may have died since its last use. That shows before the commit, when nothing has been stored yet,
        so the statements are run once more over a new one.
        """
        connection = self._connection()
        try:
            value = run(connection, statements)
        except psycopg2.Error:
            if not connection.closed:
                raise
            connection = self._connection()
            value = run(connection, statements)
        connection.commit()
        return value

    def _connection(self):
        connection = getattr(self._local, "connection", None)
        if connection is None or connection.closed:
            connection = self._local.connection = connect()
        return connection


def run(connection, statements):
    """Runs the statements in the connection's transaction; none of them may hold a thread for long."""
    try:
        with connection.cursor() as cursor:
            cursor.execute("SET LOCAL statement_timeout = '5s'")
            for statement in statements:
                cursor.execute(statement)
            return cursor.fetchone()[0]
    except psycopg2.Error:
        if not connection.closed:
            connection.rollback()
        raise


def connect():
    """Connects to DATABASE_URL, or else over the Unix socket as this process's user, without a password."""
    address = os.environ.get("DATABASE_URL") or "dbname=" + os.environ.get("DATABASE_NAME", "stack")
    return psycopg2.connect(address, connect_timeout=3, tcp_user_timeout=5000)


database = Database()


@app.get("/")
def index():
    return "Hello from Flask via systemd!"


@app.get("/visits")
def visits():
    return str(database.query("INSERT INTO visits DEFAULT VALUES", "SELECT count(*) FROM visits"))


@app.get("/healthz")
def healthz():
    database.query("SELECT 1")
    return "ok"


@app.errorhandler(psycopg2.Error)
def database_failed(error):
    app.logger.error("database: %s", error)
    return "the database failed", 503
