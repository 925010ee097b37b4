"""uvicorn in the processes that Gunicorn manages: the class of workers for an app of the kind `asgi`.

/etc/{{name}}/gunicorn.conf.py names it.
"""

import asyncio
import contextlib
import warnings

import uvicorn

with warnings.catch_warnings():
    # uvicorn moves this module to a package of its own.
    warnings.simplefilter("ignore", DeprecationWarning)
    from uvicorn.workers import UvicornWorker

# When a worker ends, it keeps idle connections open for this many seconds, for requests that nginx is just sending.
DRAIN = 0.3


class Server(uvicorn.Server):
    """Ends without losing a request.

    uvicorn itself drops connections that it has accepted but not read from, and closes idle ones while nginx may be sending
    a request. Here, an ending server accepts no new connection, and closes each one after its next answer. Then uvicorn
    finishes the requests that it has begun, and closes WebSockets with 1012 (RFC 6455, 7.4; "Service Restart").
    """

    async def shutdown(self, sockets=None):
        for server in self.servers:
            server.close()
        state = self.server_state
        state.default_headers = [*state.default_headers, (b"connection", b"close")]
        await asyncio.sleep(DRAIN)
        await super().shutdown(sockets)
        # uvicorn would end this process by the signal that it got, and Gunicorn would call that an error.
        with contextlib.suppress(AttributeError):
            self._captured_signals.clear()


class Worker(UvicornWorker):
    """Runs that server. Requests that it has begun may take `graceful_timeout`, also when Gunicorn is gone already."""

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.config.timeout_graceful_shutdown = self.cfg.graceful_timeout
        # The access log of nginx has each request.
        self.config.access_log = False

    async def _serve(self):
        self.config.app = self.wsgi
        server = Server(config=self.config)
        self._install_sigquit_handler()
        await server.serve(sockets=self.sockets)
        if not server.started:
            # The app's lifespan failed.
            raise SystemExit(3)
