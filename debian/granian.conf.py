# How Granian serves {{name}}: settings with the names that granian.Granian has, https://github.com/emmett-framework/granian
# There is no address: the socket comes from systemd ({{name}}.socket). `workers` is the number of processes.
import os

{{> processes}}
{{#unless is_asgi}}

# Granian's name for the threads that run the app.
blocking_threads = threads
{{/unless}}

# A process that ends by itself is replaced.
respawn_failed_workers = True

# In seconds: how long a new process may load the app before the old one ends, when the app is loaded again.
respawn_interval = 2

# In seconds: a process that ends may finish its requests for this long.
workers_kill_timeout = 30

# nginx speaks HTTP/1.1, and writes the access log.
http = "1"
log_access = False
