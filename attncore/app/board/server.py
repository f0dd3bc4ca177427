"""The board's addresses: the learners' page and messages, the instructor's page and its controls, published pages."""

import asyncio
import csv
import hmac
import io
import json
import re
import sqlite3
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.middleware import Middleware
from starlette.requests import ClientDisconnect, Request
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.routing import Route

from attncore.app.board import asked, published, views
from attncore.app.board.controls import CONTROLS, publish_notebook
from attncore.app.board.desk import LARGEST, UNREADABLE, Desk, Refused
from attncore.app.board.pages import SCRIPTS, Headers, page, policy, script
from attncore.app.board.records import Room
from attncore.app.board.store import Store

HOUR = 3600.0
PATIENCE = 20.0  # seconds in which a message has to be here
OURS = "x-attncore-board"  # a header that a page from elsewhere can't send


def app(store: Store, address: str = "", desk: Desk | None = None) -> Starlette:
    """The board on a store; `address` is where learners find it."""
    routes = [
        Route("/", learners_page),
        Route("/sync", sync, methods=["POST"]),
        Route("/ready", ready, methods=["POST"]),
        Route("/published/{token}", read_page),
        Route("/instructor/{room}", instructors_page),
        Route("/instructor/{room}/state", state),
        Route("/instructor/{room}/catalog", catalog),
        Route("/instructor/{room}/case", case),
        Route("/instructor/{room}/export.csv", export),
        Route("/instructor/{room}/publish", publish, methods=["POST"]),
        Route("/instructor/{room}/{control}", control, methods=["POST"]),
        *(Route(f"/{name}", script) for name in SCRIPTS),
    ]
    made = Starlette(
        routes=routes,
        middleware=[Middleware(Headers)],
        exception_handlers={Refused: refused, sqlite3.Error: unkept},
        lifespan=lifespan,
    )
    made.state.store, made.state.desk, made.state.address = store, desk or Desk(store), address
    return made


@asynccontextmanager
async def lifespan(board: Starlette) -> AsyncIterator[None]:
    """At the start and every hour, delete the rooms whose day has come."""

    async def hourly() -> None:
        while True:
            await run_in_threadpool(board.state.store.delete_old)
            await asyncio.sleep(HOUR)

    await run_in_threadpool(board.state.store.delete_old)
    task = asyncio.create_task(hourly())
    yield
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task


async def refused(_request: Request, problem: Exception) -> Response:
    assert isinstance(problem, Refused)
    return JSONResponse({"problem": problem.sentence}, problem.status)


async def unkept(_request: Request, problem: Exception) -> Response:
    return JSONResponse({"problem": f"The board can't keep anything at the moment: {problem}."}, 503)


# What comes in


async def body_of(request: Request, largest: int) -> bytes:
    """What was sent, as long as it is small and comes soon. Raises Refused."""
    received = bytearray()
    try:
        async with asyncio.timeout(PATIENCE):
            async for part in request.stream():
                received += part
                if len(received) > largest:
                    raise Refused(413, f"That's too large: at most {largest:,} bytes are taken.")
    except TimeoutError:
        raise Refused(408, "That took too long to arrive.") from None
    except ClientDisconnect:  # a laptop that was closed; nobody is left to read this
        raise Refused(400, UNREADABLE) from None
    return bytes(received)


async def message_of(request: Request) -> dict[str, Any]:
    """The JSON object that was sent. A page from elsewhere can't send one unasked. Raises Refused."""
    if request.headers.get("content-type", "").partition(";")[0].strip() != "application/json":
        raise Refused(415, "Messages are JSON.")
    try:
        message = json.loads(await body_of(request, LARGEST))
    except (ValueError, RecursionError):
        message = None
    if not isinstance(message, dict):
        raise Refused(400, UNREADABLE)
    return message


def address_of(request: Request) -> str:
    return request.client.host if request.client else ""


def instructed(request: Request) -> Room:
    """The room whose instructor asks. Raises Refused."""
    room = named(request)
    if room is None or not same(room.secret, request.cookies.get(cookie(room), "")):
        raise Refused(403, "This page is the instructor's: open the address that `attncore board` printed.")
    if request.method == "POST" and request.headers.get(OURS) != "1":
        raise Refused(403, "Only the instructor's page can change something.")
    return room


def named(request: Request) -> Room | None:
    """The room that an address names."""
    store: Store = request.app.state.store
    number: str = request.path_params["room"]
    return store.room(int(number)) if re.fullmatch("[0-9]{1,15}", number) else None


def cookie(room: Room) -> str:
    """The name of a room's cookie: by its code, as the rooms of another board on this machine have the same numbers."""
    return f"attncore-board-{room.code}"


def same(secret: str, given: str) -> bool:
    """Are two secrets one? It takes as long whatever the answer."""
    return hmac.compare_digest(secret.encode(), given.encode())


# The learners'


async def learners_page(_request: Request) -> Response:
    return page("learner.html")


async def sync(request: Request) -> Response:
    message = await message_of(request)
    return JSONResponse(await run_in_threadpool(request.app.state.desk.hear, message, address_of(request)))


async def ready(request: Request) -> Response:
    from attncore.app.receipt import is_receipt

    message = await message_of(request)
    desk: Desk = request.app.state.desk
    return JSONResponse(await run_in_threadpool(desk.ready, message, address_of(request), is_receipt))


async def read_page(request: Request) -> Response:
    found = await run_in_threadpool(request.app.state.store.page, request.path_params["token"])
    if found is None:
        raise Refused(404, "There is no such page any more.")
    return HTMLResponse(found, headers={"Content-Security-Policy": policy(found, images="data:")})


# The instructor's


async def instructors_page(request: Request) -> Response:
    """The page. The address that has the secret leaves it in a cookie, and the page takes it out of the address."""
    room, secret = named(request), request.query_params.get("secret")
    if secret is None or room is None:
        instructed(request)
        return page("board.html")
    if not same(room.secret, secret):
        raise Refused(403, "That isn't this room's secret: open the address that `attncore board` printed.")
    answer = page("board.html")
    path = f"/instructor/{room.id}"
    answer.set_cookie(cookie(room), secret, httponly=True, samesite="strict", path=path, max_age=30 * 86_400)
    return answer


async def state(request: Request) -> Response:
    room = instructed(request)
    desk: Desk = request.app.state.desk
    view = await run_in_threadpool(views.for_instructor, desk.store, room, desk.seen)
    return JSONResponse(view | {"address": request.app.state.address})


async def catalog(request: Request) -> Response:
    instructed(request)
    return JSONResponse(await run_in_threadpool(asked.catalog))


async def case(request: Request) -> Response:
    """The smallest case that a mistake fails, as a learner is told it."""
    instructed(request)
    exercise, label = request.query_params.get("exercise", ""), request.query_params.get("label", "")
    if not asked.asked(exercise) or label not in asked.labels(exercise):
        raise Refused(404, "The course has no such mistake.")
    return JSONResponse(await run_in_threadpool(asked.smallest_case, exercise, label))


async def export(request: Request) -> Response:
    room = instructed(request)
    text = io.StringIO()
    csv.writer(text).writerows(await run_in_threadpool(views.export, request.app.state.store, room))
    headers = {"Content-Disposition": f'attachment; filename="room-{room.id}.csv"'}
    return Response(text.getvalue(), media_type="text/csv; charset=utf-8", headers=headers)


async def control(request: Request) -> Response:
    """Change something in the room: one of CONTROLS."""
    room, change = instructed(request), CONTROLS.get(request.path_params["control"])
    if change is None:
        raise Refused(404, "There is no such control.")
    message = await message_of(request)
    await run_in_threadpool(change, request.app.state.store, room, message)
    return JSONResponse({})


async def publish(request: Request) -> Response:
    """Publish the notebook that is sent, under the title in the address."""
    room, title = instructed(request), request.query_params.get("title", "")[:80] or "Notebook"
    notebook = await body_of(request, published.LARGEST)
    token = await run_in_threadpool(publish_notebook, request.app.state.store, room, notebook, title)
    return JSONResponse({"token": token})
