"""Runs uvicorn for {{name}}: as many processes as /etc/{{name}}/uvicorn.conf.py says, on the socket that systemd holds.

uvicorn's own manager of processes keeps no socket of systemd's open and ends all requests together. This one starts the
processes, replaces those that end, and tells systemd when they are started. SIGHUP loads settings and app again; SIGTERM ends
everything: each process finishes its requests.

The argument is MODULE:VARIABLE, or MODULE:FUNCTION() for a function that makes the app.
"""

import inspect
import os
import runpy
import signal
import socket
import sys
from time import monotonic, sleep

import uvicorn

from asgi_server import Server

SETTINGS = "/etc/{{name}}/uvicorn.conf.py"
# An upgrade makes this file while it restarts the app. Then requests that are still being answered must not hold back new
# ones: this program ends, the next one starts and serves, and processes with slow requests end by themselves.
HAND_OVER = "/run/{{name}}/hand-over"
# Processes without a slow request end within this many seconds.
SOON = 1
# Of a process that ends, beyond the time for its requests: for the lifespan of the app. In seconds.
LAST = 5
# What a process ends with that could not load the app.
NOT_STARTED = 3

SIGNALS = {signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGCHLD}


class Process(Server):
    """uvicorn in a process of its own."""

    parent = os.getpid()

    async def on_tick(self, counter):
        # Without the manager, nobody would end this one.
        return await super().on_tick(counter) or os.getppid() != self.parent

    async def shutdown(self, sockets=None):
        signal.signal(signal.SIGALRM, signal.SIG_DFL)
        signal.alarm(int(self.config.timeout_graceful_shutdown or 0) + LAST)
        await super().shutdown(sockets)


def read_settings():
    """What the file of settings says of what uvicorn knows."""
    known = inspect.signature(uvicorn.Config).parameters
    return {name: value for name, value in runpy.run_path(SETTINGS).items() if name in known}


def start(listener, application, settings):
    """Starts a process; returns its number."""
    number = os.fork()
    if number:
        return number
    status = 1
    try:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, SIGNALS)
        for name in ("LISTEN_FDS", "LISTEN_PID", "LISTEN_FDNAMES", "NOTIFY_SOCKET"):
            os.environ.pop(name, None)
        module, _, variable = application.removesuffix("()").partition(":")
        config = uvicorn.Config(f"{module}:{variable}", factory=application.endswith("()"), **settings)
        server = Process(config)
        status = NOT_STARTED
        server.run(sockets=[listener])
        status = 0 if server.started else NOT_STARTED
    except SystemExit:
        pass
    except BaseException:
        sys.excepthook(*sys.exc_info())
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(status)


def notify(text):
    address = os.environ.get("NOTIFY_SOCKET")
    if address:
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as to:
            to.connect("\0" + address[1:] if address.startswith("@") else address)
            to.send(text.encode())


def ended():
    """The processes that have ended, each with its exit status; a negative one is a signal."""
    while True:
        try:
            number, status = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return
        if not number:
            return
        yield number, os.waitstatus_to_exitcode(status)


def tell(processes, number):
    for process in processes:
        try:
            os.kill(process, number)
        except ProcessLookupError:
            pass


def end(processes, patience):
    """Ends the processes, and waits for them; returns those that go on with slow requests at an upgrade."""
    tell(processes, signal.SIGTERM)
    hands_over = os.path.exists(HAND_OVER)
    limit = monotonic() + (SOON if hands_over else patience + LAST)
    while processes and monotonic() < limit:
        processes -= {number for number, _ in ended()}
        sleep(0.05)
    if processes and not hands_over:
        tell(processes, signal.SIGKILL)


def main(application):
    if os.environ.get("LISTEN_FDS") != "1":
        sys.exit("systemd hands over no socket: start the app with systemctl start {{name}}")
    sys.path[0] = os.getcwd()
    listener = socket.socket(fileno=3)
    listener.setblocking(False)
    signal.pthread_sigmask(signal.SIG_BLOCK, SIGNALS)
    settings = read_settings()
    wanted = settings.pop("workers", 1)
    serving = {start(listener, application, settings) for _ in range(wanted)}
    leaving = set()
    notify(f"READY=1\nSTATUS=uvicorn in {wanted} processes")
    while True:
        number = signal.sigwait(SIGNALS)
        if number in (signal.SIGTERM, signal.SIGINT):
            end(serving | leaving, settings.get("timeout_graceful_shutdown") or 0)
            return 0
        if number == signal.SIGHUP:
            settings = read_settings()
            wanted = settings.pop("workers", 1)
            leaving |= serving
            serving = {start(listener, application, settings) for _ in range(wanted)}
            tell(leaving, signal.SIGTERM)
        for process, status in ended():
            leaving.discard(process)
            if process in serving:
                serving.remove(process)
                print(f"process {process} ended with {status}", file=sys.stderr)
                if status == NOT_STARTED:
                    end(serving | leaving, 0)
                    return NOT_STARTED
                serving.add(start(listener, application, settings))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
