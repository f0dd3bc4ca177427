"""What a browser gets: our two pages and their scripts, and the headers that say that nothing else may run."""

import base64
import hashlib
import re
from pathlib import Path
from string import Template

from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from attncore import look

HERE = Path(__file__).parent
SCRIPTS = ("board.js", "learner.js", "shared.js")
COLORS = {name: getattr(look, name.upper()) for name in ("blue", "orange", "green", "pink", "grey")}
CLOSED = "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
ALWAYS = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Content-Security-Policy": CLOSED,
}


class Headers:
    """What every answer says: that nothing else may run, frame or keep it."""

    def __init__(self, inner: ASGIApp):
        self.inner = inner

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def answer(message: Message) -> None:
            if message["type"] == "http.response.start":
                given = {name.lower() for name, _ in message["headers"]}
                message["headers"] = [
                    *message["headers"],
                    *((k.encode(), v.encode()) for k, v in ALWAYS.items() if k.lower().encode() not in given),
                ]
            await send(message)

        await self.inner(scope, receive, answer if scope["type"] == "http" else send)


def page(name: str) -> HTMLResponse:
    """One of our pages, with the colors of the house; its own style and our scripts are all that it may load."""
    text = Template((HERE / name).read_text(encoding="utf-8")).substitute(COLORS)
    return HTMLResponse(
        text, headers={"Content-Security-Policy": f"{policy(text)}; script-src 'self'; connect-src 'self'"}
    )


def policy(text: str, images: str = "'none'") -> str:
    """What a page may load: its one style, known by its hash, and pictures."""
    style = re.search(r"<style>(.*?)</style>", text, re.DOTALL)
    digest = base64.b64encode(hashlib.sha256((style[1] if style else "").encode()).digest()).decode()
    return f"{CLOSED}; style-src 'sha256-{digest}'; img-src {images}"


async def script(request: Request) -> Response:
    text = (HERE / request.url.path.removeprefix("/")).read_text(encoding="utf-8")
    return Response(text, media_type="text/javascript; charset=utf-8")
