# How Gunicorn serves {{name}}: https://docs.gunicorn.org/en/stable/settings.html
# There is no `bind`: the socket comes from systemd ({{name}}.socket).
import os
import signal
from time import monotonic

{{#if has_workers}}
workers = int(os.environ.get("WEB_CONCURRENCY", "{{workers}}"))
{{else}}
# One worker more than processors keeps them all busy; each takes some 50 MB, and may come to take more.
memory = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
fitting = max(1, min(len(os.sched_getaffinity(0)) + 1, memory // (256 << 20)))
workers = int(os.environ.get("WEB_CONCURRENCY", fitting))
{{/if}}

worker_class = "gthread"
{{#if has_threads}}
threads = {{threads}}
{{else}}
{{#if has_database}}
# Each thread may hold a connection to PostgreSQL, which takes 100 and has others to serve.
threads = max(1, min(4, 80 // workers))
{{else}}
threads = 4
{{/if}}
{{/if}}

# The workers' heartbeat: in memory, since a busy disk would look like a hanging worker.
worker_tmp_dir = "/dev/shm"

timeout = 30
graceful_timeout = 30

# Longer than nginx keeps an idle connection, so that it is always nginx that closes it.
keepalive = 65

# To the journal. nginx writes the access log.
errorlog = "-"


# Seconds that an idle connection is left to nginx when a worker ends.
DRAIN = 0.3


def post_worker_init(worker):
    """Lets a worker end without losing a request: at an upgrade, or when the configuration is read again.

    Gunicorn's own end of a worker with threads drops connections that it has accepted and not yet read from, and closes
    idle ones while nginx may be sending into them. This one accepts no more, closes each connection after its next
    answer, and ends when none is left, or shortly after: nginx has by then used those that it was about to use.
    """
    if not hasattr(worker, "max_keepalived"):
        return  # Of another class than the one above.
    notify, select, draining_since = worker.notify, worker.poller.select, None

    def drain(_signal, _frame):
        nonlocal draining_since
        if draining_since is None:
            draining_since = monotonic()
            worker.max_keepalived = 0
            for listener in worker.sockets:
                try:
                    worker.poller.unregister(listener)
                except KeyError:
                    pass  # It has not begun to accept.

    def notify_or_end():
        notify()
        if draining_since is not None and (worker.nr_conns == 0 or monotonic() - draining_since > DRAIN):
            worker.alive = False

    # Gunicorn looks up once a second, and new requests wait in the socket until this worker's successor is there.
    worker.poller.select = lambda timeout: select(timeout if draining_since is None else DRAIN / 10)
    worker.notify = notify_or_end
    signal.signal(signal.SIGTERM, drain)
