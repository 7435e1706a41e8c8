"""The page's data: the whole state as one document, and news as server-sent events.

Server-sent events: https://html.spec.whatwg.org/multipage/server-sent-events.html
"""

import json
from dataclasses import asdict
from time import monotonic
from typing import Any

from device import __version__
from device.live.interfaces.frames import STALL_S
from device.live.interfaces.results import FrameResult, Status
from device.live.outputs.web.server.newest import Moment
from device.model.card import Card

# An older result is no sign of health: a source may take STALL_S for one frame.
RECENT_S = 2 * STALL_S
# All that /healthz says without the token: no source, no address, no times.
WELL, WAITING = "predicting", "waiting for a frame"
HEALTHY = (WELL, WAITING)
NO_FRAMES, NO_PREDICTIONS = "the source gives no frames", "no recent prediction"


def state(moment: Moment, celsius: float | None) -> dict[str, Any]:
    """/api/state, and the first event of each viewer. Null where unknown."""
    return {
        "version": __version__,
        "status": _status(moment.status),
        "result": _result(moment.result, celsius),
        "temperature": celsius,
        "card": summary(moment.card),
        "history": [change.to_json() for change in moment.changes],
    }


def summary(card: Card) -> dict[str, Any]:
    """The card without its golden images, and with only the date from its provenance."""
    document = card.to_json()
    shown = ("name", "recipe", "variant", "labels", "input", "output", "confidence", "accuracy")
    created = (card.provenance or {}).get("created")
    return {**{key: document[key] for key in shown}, "created": created}


def health(moment: Moment) -> str:
    """Whether the source streams and the last result is recent: WELL, NO_FRAMES or NO_PREDICTIONS.

    WAITING, which is healthy too, if the source may wait.
    """
    status = moment.status
    if status is not None and not status.is_streaming:
        return NO_FRAMES
    if moment.shown_at is not None and monotonic() - moment.shown_at < RECENT_S:
        return WELL
    return WAITING if status is not None and status.may_wait else NO_PREDICTIONS


def news(before: Moment, now: Moment, celsius: float | None) -> str:
    """Events for the news between two moments; a comment, which keeps the connection alive, if there are none.

    Only the newest result, but every change of label.
    """
    last = before.changes[-1].number if before.changes else 0
    events = [event("change", change.to_json()) for change in now.changes if change.number > last]
    if now.result is not before.result:
        events.append(event("result", _result(now.result, celsius)))
    if now.status != before.status:
        events.insert(0, event("status", _status(now.status)))
    if now.card is not before.card:
        events.insert(0, event("card", summary(now.card)))
    return "".join(events) or ": nothing new\n\n"


def event(kind: str, document: Any) -> str:
    return f"event: {kind}\ndata: {json.dumps(document, ensure_ascii=False)}\n\n"


def _result(result: FrameResult | None, celsius: float | None) -> dict[str, Any] | None:
    return None if result is None else {**result.to_json(), "temperature": celsius}


def _status(status: Status | None) -> dict[str, Any] | None:
    return None if status is None else asdict(status)
