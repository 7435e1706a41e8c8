"""What the page is told: the whole state as one document, and as server-sent events what is new since a moment.

Server-sent events: https://html.spec.whatwg.org/multipage/server-sent-events.html
"""

import json
from dataclasses import asdict
from time import monotonic
from typing import Any

from device import __version__
from device.live.interfaces.frames import STALL_S
from device.live.interfaces.readings import Reading, Status
from device.live.outputs.web.server.newest import Moment
from device.model.card import Card

# An answer older than this is no sign of health: a source is given STALL_S for one frame.
RECENT_S = 2 * STALL_S
# All that /healthz says to who shows no token: no source, no address, no time of an answer.
WELL, NO_FRAMES, NO_ANSWERS = "answers come", "the source gives no frames", "no answer came lately"


def state(moment: Moment, celsius: float | None) -> dict[str, Any]:
    """/api/state, and the first event of each viewer. Null where nothing is known yet."""
    return {
        "version": __version__,
        "status": _status(moment.status),
        "reading": _reading(moment.reading, celsius),
        "temperature": celsius,
        "card": summary(moment.card),
        "history": [change.to_json() for change in moment.changes],
    }


def summary(card: Card) -> dict[str, Any]:
    """The card without its golden images, and of its provenance only the day it was made."""
    document = card.to_json()
    shown = ("name", "recipe", "variant", "labels", "input", "output", "confidence", "accuracy")
    created = (card.provenance or {}).get("created")
    return {**{key: document[key] for key in shown}, "created": created}


def health(moment: Moment) -> str:
    """WELL, NO_FRAMES or NO_ANSWERS: whether the source streams and the last answer is recent."""
    if moment.status is not None and not moment.status.is_streaming:
        return NO_FRAMES
    is_recent = moment.answered is not None and monotonic() - moment.answered < RECENT_S
    return WELL if is_recent else NO_ANSWERS


def news(before: Moment, now: Moment, celsius: float | None) -> str:
    """Events for what came between two moments; a comment, which keeps the connection alive, where nothing did.

    Of readings only the newest, of label changes each.
    """
    last = before.changes[-1].number if before.changes else 0
    events = [event("change", change.to_json()) for change in now.changes if change.number > last]
    if now.reading is not before.reading:
        events.append(event("reading", _reading(now.reading, celsius)))
    if now.status != before.status:
        events.insert(0, event("status", _status(now.status)))
    if now.card is not before.card:
        events.insert(0, event("card", summary(now.card)))
    return "".join(events) or ": nothing new\n\n"


def event(kind: str, document: Any) -> str:
    return f"event: {kind}\ndata: {json.dumps(document, ensure_ascii=False)}\n\n"


def _reading(reading: Reading | None, celsius: float | None) -> dict[str, Any] | None:
    return None if reading is None else {**reading.to_json(), "temperature": celsius}


def _status(status: Status | None) -> dict[str, Any] | None:
    return None if status is None else asdict(status)
