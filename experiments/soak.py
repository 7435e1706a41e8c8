"""Endurance of `device live`: an hour with everything at once, and a hundred lost sources.

    python -m experiments.soak [--minutes 60] [--losses 100]      (make soak; about 80 minutes; asks for mosquitto)

A camera's frames come as MJPEG from a server of its own, 30 a second. The hour: a browser's viewer is there all the
while, a broker gets every label, every prediction is a line in a file, twenty connections a minute come to the page and
say nothing or half a header, and every third minute the source is lost. The checks at the end: one line per prediction,
the viewer never disconnected, the broker's last label the file's last. The losses: the server is killed and started
again; or its stream goes on with garbage, or with half images, until it is reopened. Each is a recovery when later
frames are classified. Writes results/soak.json.
"""

import argparse
import json
import socket
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from collections import deque
from contextlib import suppress
from http.client import HTTPException
from pathlib import Path
from typing import Any

from tqdm import tqdm

from experiments.record import ROOT, write
from tests.device.broker import Mosquitto, Watcher
from tests.device.mjpeg_server import Server

MODEL = ROOT / "device/models/cifar10_int8.tflite"
FAILURES = ("killed", "garbage", "half")
LIMIT_S = 60.0
GONE_S = 1.0  # by then no frame from before the loss is on its way any more
# Of each minute: when the source is lost, and when all is looked at; by then the silent ones have been put out.
LOSS_S, LOOK_S = 15.0, 50.0
SILENT = 20


class Live:
    """A live classifier in its own process; its results are lines in a file, which a thread follows."""

    def __init__(self, source: str, folder: Path, *more: str) -> None:
        self.lines = folder / "answers.jsonl"
        self.lines.touch()
        words = [sys.executable, "-m", "device", "live", str(MODEL), "--source", source, "--headless", "--threads", "1"]
        self.process = subprocess.Popen(
            [*words, "--jsonl", str(self.lines), *more],
            cwd=ROOT,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        )
        self.answers: deque[dict[str, Any]] = deque(maxlen=1)
        self.numbers: list[int] = []
        self.said: list[str] = []
        threading.Thread(target=self._follow, daemon=True).start()
        threading.Thread(target=self._read_notes, daemon=True).start()

    def _follow(self) -> None:
        line = ""
        with self.lines.open() as file:
            while (part := file.readline()) or self.process.poll() is None:
                line += part
                if not line.endswith("\n"):  # nothing yet, or the half that was written by now
                    time.sleep(0.01)
                    continue
                answer, line = json.loads(line), ""
                self.numbers.append(answer["number"])
                self.answers.append(answer)

    def _read_notes(self) -> None:
        assert self.process.stderr is not None
        for line in self.process.stderr:
            self.said.append(line)

    def wait_for(self, taken_after: float) -> float | None:
        """Seconds until a result for a frame that was taken after that moment; None if there was none."""
        began = time.time()
        while time.time() - began < LIMIT_S:
            if self.answers and self.answers[-1]["time"] > taken_after:
                return time.time() - began
            time.sleep(0.02)
        return None

    def status(self) -> dict[str, int]:
        """Bytes of its own (not of mapped files, which the system takes back when it is short), threads, open files."""
        fields = dict(
            line.split(":", 1)
            for line in Path(f"/proc/{self.process.pid}/status").read_text().splitlines()
            if ":" in line
        )
        files = sum(1 for _ in Path(f"/proc/{self.process.pid}/fd").iterdir())
        return {
            "own_bytes": int(fields["RssAnon"].split()[0]) * 1024,
            "threads": int(fields["Threads"]),
            "files": files,
        }

    def page(self) -> str:
        """Its address, with / at the end."""
        while not (page := [line for line in self.said if line.startswith("page: ")]):
            time.sleep(0.1)
        return page[0].split()[1]

    def end(self) -> int:
        """Its exit code, after SIGTERM."""
        self.process.terminate()
        return self.process.wait(10)


class Viewer:
    """Looks at the live image until the page ends."""

    def __init__(self, page: str) -> None:
        self.bytes, self.is_there = 0, True
        threading.Thread(target=self._look, args=(f"{page}stream.mjpg",), daemon=True).start()

    def _look(self, url: str) -> None:
        with urllib.request.urlopen(url) as response, suppress(HTTPException):  # the end breaks a part off
            while part := response.read(65536):
                self.bytes += len(part)
        self.is_there = False


def be_silent(page: str) -> list[socket.socket]:
    """Connections that send nothing, and half a header."""
    host, port = page.split("/")[2].split(":")
    silent = [socket.create_connection((host, int(port)), timeout=30) for _ in range(SILENT)]
    for each in silent[::2]:
        each.sendall(b"GET / HTTP/1.1\r\nHost: ")
    return silent


def put_out(silent: list[socket.socket]) -> int:
    """How many of them the page has closed."""
    closed = 0
    for each in silent:
        each.settimeout(0.01)
        try:
            while each.recv(4096):
                continue
            closed += 1
        except ConnectionError:
            closed += 1
        except TimeoutError:
            pass
        each.close()
    return closed


def fail(server: Server, failure: str) -> Server:
    """The server to go on with."""
    if failure != "killed":
        server.break_streams(failure)
        return server
    server.kill()
    time.sleep(0.2)
    return Server("good", server.port)


def endure(minutes: int, folder: Path) -> dict[str, Any]:
    """Memory, threads and files once a minute, with everything at once."""
    server, samples, waits, closed = Server("good"), [], [], 0
    with Mosquitto(folder) as broker, Watcher(broker.port) as watcher:
        options = ("--serve", "127.0.0.1:0", "--mqtt", f"127.0.0.1:{broker.port}", "--mqtt-name", "soak")
        live = Live(server.url, folder, *options)
        viewer = Viewer(live.page())
        assert live.wait_for(time.time()) is not None
        for minute in tqdm(range(minutes), desc="endurance", unit="min"):
            began = time.monotonic()
            silent = be_silent(live.page())
            time.sleep(LOSS_S)
            if minute % 3 == 1:
                server = fail(server, FAILURES[minute // 3 % len(FAILURES)])
                waits.append(live.wait_for(time.time() + GONE_S))
            time.sleep(max(0.0, began + LOOK_S - time.monotonic()))
            closed += put_out(silent)
            samples.append({"minute": minute + 1, **live.status(), "answers": live.answers[-1]["number"]})
            time.sleep(max(0.0, began + 60 - time.monotonic()))
        is_there, last = viewer.is_there, watcher.topics()
        code = live.end()
        server.kill()
        time.sleep(1)
        changes, words = len(watcher.texts("framelite/soak/label")), watcher.topics()["framelite/soak/label"].text
    settled = samples[1:]
    return {
        "minutes": minutes,
        "answers": len(live.numbers),
        "lines_missing": live.numbers[-1] - len(live.numbers) if live.numbers == sorted(set(live.numbers)) else None,
        "growth_bytes": settled[-1]["own_bytes"] - settled[0]["own_bytes"],
        "largest_growth_bytes": max(sample["own_bytes"] for sample in settled) - settled[0]["own_bytes"],
        "threads": sorted({sample["threads"] for sample in settled}),
        "files": sorted({sample["files"] for sample in settled}),
        "lost": len(waits),
        "recovered": sum(wait is not None for wait in waits),
        "slowest_s": max((round(wait, 2) for wait in waits if wait is not None), default=None),
        "silent": SILENT * minutes,
        "silent_put_out": closed,
        "viewer_stayed": is_there,
        "viewer_bytes": viewer.bytes,
        "mqtt_labels": changes,
        "mqtt_available": last["framelite/soak/availability"].text,
        "mqtt_last_is_newest": words == live.answers[-1]["label"],
        "exit_code": code,
        "said": len(live.said),
        "samples": samples,
    }


def lose(losses: int, folder: Path) -> dict[str, Any]:
    """Loses the source repeatedly, alternating between the ways."""
    server = Server("good")
    live = Live(server.url, folder)
    recoveries: list[dict[str, Any]] = []
    for number in tqdm(range(losses), desc="losses"):
        assert live.wait_for(time.time()) is not None, "it classifies before the source is lost"
        failure = FAILURES[number % len(FAILURES)]
        server = fail(server, failure)
        waited = live.wait_for(time.time() + GONE_S)
        recoveries.append({"failure": failure, "seconds": None if waited is None else round(waited, 2)})
    status, code = live.status(), live.end()
    server.kill()
    waits = [row["seconds"] for row in recoveries]
    recovered = sum(wait is not None for wait in waits)
    return {
        "losses": losses,
        "recovered": recovered,
        "slowest_s": max((wait for wait in waits if wait is not None), default=None),
        "threads": status["threads"],
        "exit_code": code,
        "recoveries": recoveries,
    }


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--minutes", type=int, default=60)
    options.add_argument("--losses", type=int, default=100)
    asked = options.parse_args()
    rows = []
    for what, most, measure in (("losses", asked.losses, lose), ("endurance", asked.minutes, endure)):
        with tempfile.TemporaryDirectory(prefix="framelite-soak-") as folder:
            rows.append({"what": what, **measure(most, Path(folder))})
        print({key: value for key, value in rows[-1].items() if key not in ("samples", "recoveries")})
    write("soak", rows, f"python -m experiments.soak --minutes {asked.minutes} --losses {asked.losses}")


if __name__ == "__main__":
    main()
