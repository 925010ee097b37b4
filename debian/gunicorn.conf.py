# How Gunicorn serves {{name}}: https://docs.gunicorn.org/en/stable/settings.html
# There is no `bind`: the socket comes from systemd ({{name}}.socket).
import os

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
