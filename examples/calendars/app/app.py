"""Radicale under a WSGI server: https://radicale.org/v3.html#wsgi-server"""

from pathlib import Path

# Radicale does not start without the list of its users: https://radicale.org/v3.html#htpasswd_filename
Path("/var/lib/calendars/app/users").touch(mode=0o600)

from radicale import application as app  # noqa: E402
