# How Gunicorn serves {{name}}: https://docs.gunicorn.org/en/stable/settings.html
# There is no `bind`: the socket comes from systemd ({{name}}.socket).
import os

{{#if has_workers}}
workers = int(os.environ.get("WEB_CONCURRENCY", "{{workers}}"))
{{else}}
workers = int(os.environ.get("WEB_CONCURRENCY", len(os.sched_getaffinity(0)) + 1))
{{/if}}
worker_class = "gthread"
threads = {{threads}}

# The workers' heartbeat: in memory, since a busy disk would look like a hanging worker.
worker_tmp_dir = "/dev/shm"

timeout = 30
graceful_timeout = 30

# Longer than nginx keeps an idle connection, so that it is always nginx that closes it.
keepalive = 65

# To the journal. nginx writes the access log.
errorlog = "-"
