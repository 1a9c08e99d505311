"""The web application of `burnish review`: who may ask, and what is answered.

Every request needs the token that the address carries: the first visit turns it into a cookie that no script and no
other site can use. Requests for another host name than loopback are refused (DNS rebinding), and what changes something
needs a second token in a header, which only our own page knows. A client names rows by position, never a file.
"""

from __future__ import annotations

import secrets
import shlex
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import urlsplit

from fastapi import FastAPI, Query, Request, Response
from fastapi.responses import HTMLResponse, JSONResponse
from pydantic import BaseModel, ConfigDict, Field

from burnish.tasks.desk import ChangedError, Desk, View
from burnish.tasks.findings import InputError
from burnish.tasks.notation import cut
from burnish.tasks.review_page import content_policy, render_page
from burnish.tasks.review_queue import WHATS

HOSTS = {"127.0.0.1", "localhost"}
HEADER = "X-Burnish-Token"
LARGEST = 640  # pixels a side of a picture sent
MOST_CARDS = 60
PARTS = ("train", "train_dev", "dev", "test")
HEADERS = {
    "Cache-Control": "no-store",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}

Pictures = Callable[[int, int], bytes | None]


@dataclass(frozen=True)
class Review:
    """A run opened for review.

    Attributes
    ----------
    folder : Path
        The run folder.
    name, kind : str
        The run's name; ``images`` or ``table``.
    desk : Desk
    pictures : callable or None
        (row, longest side) → PNG bytes, or None where there is no such picture; None for a table.
    note : str
        What the person should know before they begin.
    """

    folder: Path
    name: str
    kind: str
    desk: Desk
    pictures: Pictures | None = None
    note: str = ""

    @property
    def command(self) -> str:
        """What to type when all is judged."""
        return shlex.join(["burnish", "apply", str(self.folder), str(self.desk.sheet.path)])


@dataclass(frozen=True)
class Tokens:
    """The secrets of one server: `door` opens it (address, cookie), `hand` changes something (header)."""

    door: str = field(default_factory=lambda: secrets.token_urlsafe(32))
    hand: str = field(default_factory=lambda: secrets.token_urlsafe(32))


class Shown(BaseModel):
    """What of the queue the page is looking at."""

    model_config = ConfigDict(extra="forbid")
    what: str = "all"
    split: str = ""
    pair: int | None = None


class Decision(Shown):
    """An answer to one example; `mark` says how its row stood when it was shown, `index` where in the view it is."""

    row: int
    index: int
    decision: str = Field(max_length=10)
    label: int | None = None
    mark: str = Field(max_length=10_000)


def review_app(review: Review, tokens: Tokens) -> FastAPI:
    """Make the web application of a review; `serve_review` runs it."""
    app = FastAPI(docs_url=None, redoc_url=None, openapi_url=None)
    desk = review.desk

    @app.middleware("http")
    async def guard(request: Request, call_next: Callable[[Request], Awaitable[Response]]) -> Response:
        refused = _refusal(request, tokens)
        if refused:
            response: Response = JSONResponse({"said": refused}, status_code=403)
        else:
            response = await call_next(request)
        for name, value in HEADERS.items():
            response.headers[name] = value
        return response

    @app.exception_handler(InputError)
    def say_input(_request: Request, error: InputError) -> Response:
        return JSONResponse({"said": str(error)}, status_code=422)

    @app.exception_handler(OSError)
    def say_disk(_request: Request, error: OSError) -> Response:
        said = f"review.csv could not be written ({error.strerror}), so this was not decided: make room, then again"
        return JSONResponse({"said": said}, status_code=507)

    @app.get("/")
    def page(request: Request) -> Response:
        nonce = secrets.token_urlsafe(16)
        html = render_page(review.name, nonce=nonce, token=tokens.hand, command=review.command)
        response = HTMLResponse(html, headers={"Content-Security-Policy": content_policy(nonce)})
        response.set_cookie(_cookie(request), tokens.door, httponly=True, samesite="strict")
        return response

    @app.get("/start")
    def start() -> dict[str, Any]:
        parts = desk.examples["split"].iloc[desk.queue].unique().tolist()
        return {
            "classes": [cut(name, 200) for name in desk.classes],
            "whats": list(WHATS.items()),
            "splits": [part for part in PARTS if part in parts],
            "pairs": [[cut(given, 30), cut(other, 30), count] for given, other, count in desk.pairs],
            "pictures": review.pictures is not None,
            "neighbours": desk.neighbours is not None,
            "undo": desk.can_undo,
            "note": review.note,
        }

    @app.get("/cards")
    def cards(
        start: Annotated[int, Query(ge=0)],
        count: Annotated[int, Query(ge=0, le=MOST_CARDS)],
        brief: bool = False,
        what: str = "all",
        split: str = "",
        pair: str = "",
    ) -> dict[str, Any]:
        view = _view(desk, Shown(what=what, split=split, pair=int(pair) if pair.isdecimal() else None))
        return {
            "cards": desk.cards(view, start, count, brief=brief),
            "progress": desk.progress(view),
            "next": desk.next_open(view, -1),
        }

    @app.get("/picture/{row}")
    def picture(row: int, side: Annotated[int, Query(ge=16, le=LARGEST)] = LARGEST) -> Response:
        png = review.pictures(row, side) if review.pictures and 0 <= row < len(desk.examples) else None
        return Response(status_code=404) if png is None else Response(png, media_type="image/png")

    @app.post("/decide")
    def decide(answer: Decision) -> Response:
        view = _view(desk, answer)
        try:
            desk.decide(answer.row, answer.decision, answer.label, answer.mark)
        except ChangedError as error:
            content = {"said": str(error), "card": desk.card(answer.row), "progress": desk.progress(view)}
            return JSONResponse(content, status_code=409)
        return JSONResponse(
            {
                "card": desk.card(answer.row),
                "progress": desk.progress(view),
                "next": desk.next_open(view, answer.index),
                "undo": desk.can_undo,
            }
        )

    @app.post("/undo")
    def undo(shown: Shown) -> Response:
        view = _view(desk, shown)
        try:
            row = desk.undo()
        except ChangedError as error:
            return JSONResponse({"said": str(error)}, status_code=409)
        content: dict[str, Any] = {"row": row, "undo": desk.can_undo, "progress": desk.progress(view), "index": None}
        if row is not None:
            place = {"index": desk.index_of(view, row), "place": desk.index_of(View(), row)}
            content |= place | {"card": desk.card(row), "whole": desk.progress(View())}
        return JSONResponse(content)

    return app


def _refusal(request: Request, tokens: Tokens) -> str:
    """Say why a request is refused; empty where it is not."""
    if _host(f"//{request.headers.get('host', '')}") not in HOSTS:
        return "this server answers on 127.0.0.1 only"
    origin = request.headers.get("origin")
    if origin is not None and _host(origin) not in HOSTS:
        return "this server answers its own page only"
    shown = request.cookies.get(_cookie(request)) or request.query_params.get("token") or ""
    if not secrets.compare_digest(shown.encode(), tokens.door.encode()):
        return "open the address that burnish review printed, with its token"
    hand = request.headers.get(HEADER, "")
    if request.method not in ("GET", "HEAD") and not secrets.compare_digest(hand.encode(), tokens.hand.encode()):
        return "only the page itself may change something"
    return ""


def _host(address: str) -> str | None:
    try:
        return urlsplit(address).hostname
    except ValueError:
        return None


def _cookie(request: Request) -> str:
    """Name the cookie by the port, so that two reviews at once keep apart."""
    return f"burnish-{request.url.port or 80}"


def _view(desk: Desk, shown: Shown) -> View:
    if shown.what not in WHATS or (shown.pair is not None and not 0 <= shown.pair < len(desk.pairs)):
        raise InputError("there is no such choice of suspects: load the page again")
    return View(shown.what, shown.split, shown.pair)
