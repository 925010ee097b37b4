"""uvicorn in the processes that Gunicorn manages: the class of workers for an app of the kind `asgi`.

/etc/{{name}}/gunicorn.conf.py names it.
"""

import warnings

from asgi_server import Server

with warnings.catch_warnings():
    # uvicorn moves this module to a package of its own.
    warnings.simplefilter("ignore", DeprecationWarning)
    from uvicorn.workers import UvicornWorker


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
