"""WebSockets of {{name}} in Granian: when its process ends, each is closed with 1012 (RFC 6455, 7.4; "Service Restart").

Granian itself drops the connections, and clients could not tell that from a failure of the network.
"""

import asyncio
import contextlib

RESTART = 1012


class WebSocket:
    """A WebSocket of the app, with its own `receive` and `send` before those of Granian."""

    def __init__(self, receive, send):
        self.loop = asyncio.get_running_loop()
        self.client_receive, self.client_send = receive, send
        self.accepted, self.ending = asyncio.Event(), asyncio.Event()
        self.message = None
        self.closing = self.loop.create_task(self.close_at_the_end())

    async def close_at_the_end(self):
        await self.ending.wait()
        # A handshake is finished first.
        await self.accepted.wait()
        # The client may be gone.
        with contextlib.suppress(Exception):
            await self.client_send({"type": "websocket.close", "code": RESTART})

    async def next_message(self):
        return await self.client_receive()

    async def receive(self):
        # It is kept if the task that waits for it is cancelled, so that no message is lost.
        if self.message is None:
            self.message = self.loop.create_task(self.next_message())
        await asyncio.wait({self.message, self.closing}, return_when=asyncio.FIRST_COMPLETED)
        if self.closing.done():
            return {"type": "websocket.disconnect", "code": RESTART, "reason": ""}
        message, self.message = self.message, None
        return message.result()

    async def send(self, message):
        if self.closing.done():
            raise OSError("the WebSocket is closed, because this process ends")
        await self.client_send(message)
        if message["type"] == "websocket.accept":
            self.accepted.set()

    def end(self):
        """Has the client told that the process ends. A signal's handler may call it."""
        self.loop.call_soon_threadsafe(self.ending.set)

    def forget(self):
        for task in (self.closing, self.message):
            if task is not None:
                task.cancel()


def closing(app):
    """Returns the app, and a function that closes its WebSockets."""
    sockets = set()

    async def with_closing(scope, receive, send):
        if scope["type"] != "websocket":
            return await app(scope, receive, send)
        socket = WebSocket(receive, send)
        sockets.add(socket)
        try:
            return await app(scope, socket.receive, socket.send)
        finally:
            sockets.discard(socket)
            socket.forget()

    def close_all():
        for socket in list(sockets):
            socket.end()

    return with_closing, close_all
