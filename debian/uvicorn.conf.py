# How uvicorn serves {{name}}: settings with the names that uvicorn.Config has, https://www.uvicorn.org/settings/
# There is no address: the socket comes from systemd ({{name}}.socket). `workers` is the number of processes.
import os

{{> processes}}

# uvicorn believes X-Forwarded-For and X-Forwarded-Proto from here. Only nginx can open the socket, and it sets both.
forwarded_allow_ips = "*"

# In seconds: a process that ends may finish its requests for this long.
timeout_graceful_shutdown = 30

# In seconds. nginx closes an idle connection after 30 seconds. uvicorn waits longer, so that it never closes a connection in
# which nginx is sending a request.
timeout_keep_alive = 65

# nginx writes the access log.
access_log = False
