"""A room to talk in: what one visitor says, all hear."""

from starlette.applications import Starlette
from starlette.responses import FileResponse, PlainTextResponse
from starlette.routing import Route, WebSocketRoute
from starlette.websockets import WebSocketDisconnect

visitors = set()


async def page(_request):
    return FileResponse("page.html")


async def healthz(_request):
    return PlainTextResponse("ok")


async def talk(visitor):
    await visitor.accept()
    visitors.add(visitor)
    try:
        while True:
            text = await visitor.receive_text()
            for other in list(visitors):
                await other.send_text(text)
    except WebSocketDisconnect:
        pass
    finally:
        visitors.discard(visitor)


app = Starlette(routes=[Route("/", page), Route("/healthz", healthz), WebSocketRoute("/talk", talk)])
