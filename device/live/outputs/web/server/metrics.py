"""/metrics: for a Prometheus server, in its text format, with times in seconds as is usual there.

Imports prometheus_client, from the extra `serve`.
"""

from threading import Lock

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, Info, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_LATEST as CONTENT_TYPE

from device import text
from device.host.temperature import Thermometer
from device.live.interfaces.results import FrameResult, Status

__all__ = ["CONTENT_TYPE", "Metrics"]

BUCKETS_S = (0.0001, 0.0002, 0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0)


class Metrics:
    """Has its own registry, so that several servers in one program don't collide."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._registry = own = CollectorRegistry()
        self._answered = Counter("framelite_frames_answered", "Frames with a prediction", registry=own)
        self._dropped = Counter("framelite_frames_dropped", "Frames without a prediction", registry=own)
        self._unusable = Counter("framelite_frames_unusable", "Frames that were broken or too large", registry=own)
        self._lost = Counter("framelite_source_lost", "Times the source was opened again", registry=own)
        self._changes = Counter("framelite_label_changes", "Changes of the shown label", registry=own)
        self._encoded = Counter("framelite_images_encoded", "JPEG images made for viewers", registry=own)
        self._age = Histogram(
            "framelite_frame_seconds", "From the capture to the result", buckets=BUCKETS_S, registry=own
        )
        self._invoke = Histogram("framelite_invoke_seconds", "The network alone", buckets=BUCKETS_S, registry=own)
        self._rate = Gauge("framelite_answers_per_second", "Predictions per second, recently", registry=own)
        self._failures = Counter("framelite_output_failures", "Times an output failed or its thread died", registry=own)
        self._failing = Gauge("framelite_outputs_failing", "Outputs that fail now", registry=own)
        self._up = Gauge("framelite_source_up", "1 while the source gives frames", registry=own)
        self._viewers = Gauge("framelite_viewers", "Open streams of events or images", registry=own)
        self._score = Gauge("framelite_score", "Of the shown label", registry=own)
        self._label = Info("framelite_label", "The shown label", registry=own)
        self._source = Info("framelite_source", "The source and the model", registry=own)
        self.viewers = 0
        self._totals = {self._dropped: 0, self._unusable: 0, self._lost: 0, self._failures: 0}

    def observe_temperature(self, thermometer: Thermometer) -> None:
        """Adds the temperature, if the host has a sensor."""
        if thermometer.celsius() is not None:
            gauge = Gauge("framelite_temperature_celsius", "Of the processor", registry=self._registry)
            gauge.set_function(lambda: thermometer.celsius() or float("nan"))

    def show(self, result: FrameResult) -> None:
        self._answered.inc()
        self._rise(self._dropped, result.dropped)
        self._rise(self._unusable, result.unusable)
        self._age.observe(result.ms["frame"] / 1e3)
        self._invoke.observe(result.ms["invoke"] / 1e3)
        self._rate.set(result.rate)
        self._score.set(result.score)
        if result.changed or result.number == 1:
            self._changes.inc()
            self._label.info({"label": result.label})

    def status(self, status: Status) -> None:
        self._rise(self._lost, status.lost)
        self._rise(self._unusable, status.unusable)
        self._rise(self._failures, status.failures)
        self._failing.set(len(status.failing))
        self._up.set(status.is_streaming)
        # A file's name may not be UTF-8.
        names = {"source": text.visible(status.source), "model": text.visible(status.model)}
        self._source.info({**names, "threads": str(status.threads)})

    def count_image(self) -> None:
        self._encoded.inc()

    def count_viewer(self, step: int) -> None:
        self.viewers += step
        self._viewers.set(self.viewers)

    def text(self) -> bytes:
        return generate_latest(self._registry)

    def _rise(self, counter: Counter, total: int) -> None:
        """Raises a counter to a total counted elsewhere; after that restarts, it continues from here."""
        with self._lock:
            counter.inc(max(0, total - self._totals[counter]))
            self._totals[counter] = total
