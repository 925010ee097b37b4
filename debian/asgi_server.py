"""uvicorn's server for {{name}}: it ends without losing a request."""

import asyncio
import contextlib

import uvicorn

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
        # uvicorn would end this process by the signal that it got, and what manages it would call that an error.
        with contextlib.suppress(AttributeError):
            self._captured_signals.clear()
