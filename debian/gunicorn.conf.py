# How Gunicorn serves {{name}}: https://docs.gunicorn.org/en/stable/settings.html
# There is no `bind`: the socket comes from systemd ({{name}}.socket).
import os
import signal
{{#if is_asgi}}
import sys
{{/if}}
from time import monotonic, sleep

{{> processes}}

{{#if is_asgi}}
# uvicorn, which runs ASGI applications: /usr/libexec/{{name}}/asgi_worker.py.
sys.path.append("/usr/libexec/{{name}}")
worker_class = "asgi_worker.Worker"
# uvicorn believes X-Forwarded-For and X-Forwarded-Proto from here. Only nginx can open the socket, and it sets both.
forwarded_allow_ips = "*"
{{else}}
worker_class = "gthread"
{{/if}}

# The folder for the workers' heartbeat files. It is in memory: with a busy disk, a healthy worker would look hung.
worker_tmp_dir = "/dev/shm"

# In seconds: a worker that is silent for this long is killed; a worker that ends may finish its requests for this long.
timeout = 30
graceful_timeout = 30

# In seconds. nginx closes an idle connection after 30 seconds. Gunicorn waits longer, so that it never closes a
# connection in which nginx is sending a request.
keepalive = 65

# Standard error, which goes to the journal. nginx writes the access log.
errorlog = "-"


{{#if has_flask}}
def post_fork(_server, _worker):
    """Gives Flask an instance folder (app.instance_path) that the app may write to.

    For code below /usr, Flask's own choice is a folder in /usr/var.
    """
    from flask import Flask

    state = os.environ.get("STATE_DIRECTORY")
    if state:
        Flask.auto_find_instance_path = lambda _app: os.path.join(state.split(":")[0], "instance")


{{/if}}
# When a worker ends, it keeps idle connections open for this many seconds, for requests that nginx is just sending.
DRAIN = 0.3

# An upgrade makes this file while it restarts the app.
HAND_OVER = "/run/{{name}}/hand-over"
# Workers without a slow request end within this many seconds.
SOON = 1


def when_ready(server):
    """At an upgrade, requests that are still being answered must not hold back new ones.

    Then Gunicorn ends as soon as its workers accept no more connections. The next one starts and serves, and the workers
    with slow requests end by themselves, after `graceful_timeout` at the latest.
    """
    stop = server.stop

    def stop_or_hand_over(graceful=True):
        if graceful and os.path.exists(HAND_OVER):
            server.kill_workers(signal.SIGTERM)
            limit = monotonic() + SOON
            while server.WORKERS and monotonic() < limit:
                sleep(0.05)
            if server.WORKERS:
                server.log.info("Workers that finish their requests: %s", sorted(server.WORKERS))
                return
        stop(graceful)

    server.stop = stop_or_hand_over


def post_worker_init(worker):
    """Lets a worker end without losing a request: at an upgrade, or when the configuration is read again.

    When Gunicorn itself ends a worker with threads, it drops connections that it has accepted but not read from, and
    closes idle connections while nginx may be sending a request. Here, an ending worker accepts no new connection,
    closes each connection after its next answer, and ends when none is left or DRAIN seconds have passed.
    """
    if not hasattr(worker, "max_keepalived"):
        return  # The administrator chose another worker class, which has no such connections.
    notify, select, draining_since = worker.notify, worker.poller.select, None

    def drain(_signal, _frame):
        nonlocal draining_since
        if draining_since is None:
            draining_since = monotonic()
            # Gunicorn may not be there any more to end a worker whose request never ends: see when_ready.
            signal.signal(signal.SIGALRM, signal.SIG_DFL)
            signal.alarm(worker.cfg.graceful_timeout + 2)
            worker.max_keepalived = 0
            for listener in worker.sockets:
                try:
                    worker.poller.unregister(listener)
                except KeyError:
                    pass  # The worker did not accept connections yet.

    def notify_or_end():
        notify()
        if draining_since is not None and (worker.nr_conns == 0 or monotonic() - draining_since > DRAIN):
            worker.alive = False

    # Gunicorn's loop waits up to a second. That is too long here: new requests wait in the socket until the next worker
    # has started.
    worker.poller.select = lambda timeout: select(timeout if draining_since is None else DRAIN / 10)
    worker.notify = notify_or_end
    signal.signal(signal.SIGTERM, drain)
