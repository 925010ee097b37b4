"""Runs Granian for {{name}} on the socket that systemd holds, with the settings in /etc/{{name}}/granian.conf.py.

Granian itself opens a socket of its own and would remove it at its end: requests would fail meanwhile. SIGHUP loads the app
again; SIGTERM ends everything: each process finishes its requests.

The argument is MODULE:VARIABLE, or MODULE:FUNCTION() for a function that makes the app.
"""

import functools
import inspect
import multiprocessing
import os
import runpy
import signal
import socket
import sys
import threading
from time import monotonic, sleep

from granian import Granian
from granian._granian import SocketHolder
from granian._internal import load_target
from granian.constants import HTTPModes
{{#if is_asgi}}
from granian.utils.proxies import wrap_asgi_with_proxy_headers as with_proxy_headers
{{else}}
from granian.utils.proxies import wrap_wsgi_with_proxy_headers as with_proxy_headers
{{/if}}

SETTINGS = "/etc/{{name}}/granian.conf.py"
# An upgrade makes this file while it restarts the app. Then requests that are still being answered must not hold back new
# ones: this program ends, the next one starts and serves, and processes with slow requests end by themselves.
HAND_OVER = "/run/{{name}}/hand-over"
# Processes without a slow request end within this many seconds.
SOON = 1
# An ending process first accepts no more connections, and has this many seconds to read what it has accepted.
DRAIN = 0.3
# Tells a process to accept no more.
NO_MORE = signal.SIGUSR1
# Of a process that serves: what closes its WebSockets.
CLOSERS = []
# systemd's socket, as the first that it hands over (sd_listen_fds(3)), and its number among all sockets.
FIRST = 3
LISTENER = os.fstat(FIRST).st_ino if os.environ.get("LISTEN_FDS") == "1" else None


class Server(Granian):
    """Granian on a socket that is open already."""

    def _init_shared_socket(self):
        self._shd, self._sfd, self._sso, self._ssp = SocketHolder(FIRST, True, self.backlog), FIRST, socket.socket(fileno=FIRST), None
        self._sso.set_inheritable(True)

    @property
    def _bind_addr_fmt(self):
        return "unix:" + self._sso.getsockname()

    def _spawn_workers(self, *arguments):
        super()._spawn_workers(*arguments)
        notify(f"READY=1\nSTATUS=Granian in {self.workers} processes")

    def _spawn_worker(self, *arguments, **named):
        worker = super()._spawn_worker(*arguments, **named)
        terminate = worker.terminate

        def drain_and_terminate():
            drain([worker])
            terminate()

        worker.terminate, worker.terminate_at_once = drain_and_terminate, terminate
        return worker

    def _stop_workers(self):
        drain(self.wrks)
        for worker in self.wrks:
            worker.terminate = worker.terminate_at_once
        if os.path.exists(HAND_OVER):
            for worker in self.wrks:
                worker.terminate()
            limit = monotonic() + SOON
            while any(worker.is_alive() for worker in self.wrks) and monotonic() < limit:
                sleep(0.05)
            # Without waiting for those that go on.
            os._exit(0)
        super()._stop_workers()


def drain(workers):
    """Has processes read what they have accepted. Granian drops connections that it has not read from."""
    for worker in workers:
        if worker.is_alive():
            os.kill(worker.inner.pid, NO_MORE)
    sleep(DRAIN)


def accept_no_more(_signal, _frame):
    """Replaces systemd's socket with one to which nobody connects. The next process goes on with systemd's."""
    nobody = socket.socket(socket.AF_UNIX)
    nobody.setblocking(False)
    nobody.bind("")
    nobody.listen()
    for name in os.listdir("/proc/self/fd"):
        number = int(name)
        try:
            if number != nobody.fileno() and os.fstat(number).st_ino == LISTENER:
                os.dup2(nobody.fileno(), number)
        except OSError:
            pass  # The one that listed the folder is closed already.
    # Their clients come back at once, so not before this process has stopped accepting.
    for close in CLOSERS:
        close()


def load(application, patience):
    """Loads the app, in a process that serves it."""
    signal.signal(NO_MORE, accept_no_more)
    threading.Thread(target=end_with_parent, args=(patience,), daemon=True).start()
{{#if has_flask}}
    runpy.run_path("/usr/libexec/{{name}}/flask_instance.py")
{{/if}}
    app = load_target(application.removesuffix("()"), factory=application.endswith("()"))
    # Only nginx can open the socket, and it sets X-Forwarded-For and X-Forwarded-Proto.
    app = with_proxy_headers(app, trusted_hosts="*")
{{#if is_asgi}}
    closing = runpy.run_path("/usr/libexec/{{name}}/granian_websockets.py")["closing"]
    app, close_all = closing(app)
    CLOSERS.append(close_all)
{{/if}}
    return app


def end_with_parent(patience):
    """Ends this process some time after the manager, which may have handed over to the next one."""
    multiprocessing.parent_process().join()
    os.kill(os.getpid(), signal.SIGTERM)
    sleep(patience)
    os._exit(1)


def notify(text):
    address = os.environ.get("NOTIFY_SOCKET")
    if address:
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as to:
            to.connect("\0" + address[1:] if address.startswith("@") else address)
            to.send(text.encode())


def read_settings():
    """What the file of settings says of what Granian knows."""
    known = inspect.signature(Granian).parameters
    settings = {name: value for name, value in runpy.run_path(SETTINGS).items() if name in known}
    settings["http"] = HTTPModes(settings.get("http", "1"))
    return settings


def main(application):
    if LISTENER is None:
        sys.exit("systemd hands over no socket: start the app with systemctl start {{name}}")
    sys.path[0] = os.getcwd()
    settings = read_settings()
    server = Server(application, interface="{{#if is_asgi}}asgi{{else}}wsgi{{/if}}", **settings)
    loader = functools.partial(load, application, settings.get("workers_kill_timeout") or 30)
    server.serve(target_loader=loader, wrap_loader=False)


if __name__ == "__main__":
    main(sys.argv[1])
