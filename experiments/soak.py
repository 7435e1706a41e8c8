"""How `device live` lasts: memory and threads over twenty minutes, and a hundred sources that vanish and come back.

    python -m experiments.soak [--minutes 20] [--losses 100]      (make soak; about 40 minutes)

A camera's frames come as MJPEG from a server of its own, 30 a second, and a browser's viewer is there all the while.
The losses: the server is killed and started again; or its stream goes on with garbage, or with half pictures, until it
is opened anew. Each is a recovery when later frames are answered. Writes results/soak.json.
"""

import argparse
import json
import subprocess
import sys
import threading
import time
import urllib.request
from collections import deque
from pathlib import Path
from typing import Any

from tqdm import tqdm

from experiments.record import ROOT, write
from tests.device.mjpeg_server import Server

MODEL = ROOT / "device/models/cifar10_int8.tflite"
FAILURES = ("killed", "garbage", "half")
LIMIT_S = 60.0
GONE_S = 1.0  # by then no frame from before the loss is on its way any more


class Live:
    """A live classifier with a page, in a process of its own; its answers are read by a thread."""

    def __init__(self, source: str) -> None:
        words = [sys.executable, "-m", "device", "live", str(MODEL), "--source", source, "--headless"]
        self.process = subprocess.Popen(
            [*words, "--threads", "1", "--jsonl", "-", "--serve", "127.0.0.1:0"],
            cwd=ROOT,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        self.answers: deque[dict[str, Any]] = deque(maxlen=1)
        self.said: list[str] = []
        threading.Thread(target=self._read_answers, daemon=True).start()
        threading.Thread(target=self._read_notes, daemon=True).start()

    def _read_answers(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.answers.append(json.loads(line))

    def _read_notes(self) -> None:
        assert self.process.stderr is not None
        for line in self.process.stderr:
            self.said.append(line)

    def wait_for(self, taken_after: float) -> float | None:
        """Seconds until an answer for a frame that was taken after that moment; None when none came."""
        began = time.time()
        while time.time() - began < LIMIT_S:
            if self.answers and self.answers[-1]["time"] > taken_after:
                return time.time() - began
            time.sleep(0.02)
        return None

    def status(self) -> dict[str, int]:
        """Resident bytes, threads and open files."""
        fields = dict(
            line.split(":", 1)
            for line in Path(f"/proc/{self.process.pid}/status").read_text().splitlines()
            if ":" in line
        )
        files = sum(1 for _ in Path(f"/proc/{self.process.pid}/fd").iterdir())
        return {"rss_bytes": int(fields["VmRSS"].split()[0]) * 1024, "threads": int(fields["Threads"]), "files": files}

    def watch(self) -> None:
        """A viewer of the live picture, until the page ends."""
        while not (page := [line for line in self.said if line.startswith("page: ")]):
            time.sleep(0.1)
        url = page[0].split()[1]
        threading.Thread(target=_view, args=(f"{url}stream.mjpg",), daemon=True).start()

    def end(self) -> int:
        self.process.terminate()
        return self.process.wait(10)


def _view(url: str) -> None:
    with urllib.request.urlopen(url) as response:
        while response.read(65536):
            continue


def endure(minutes: float) -> dict[str, Any]:
    """Memory, threads and files, ten times a minute."""
    server, samples = Server("good"), []
    live = Live(server.url)
    live.watch()
    assert live.wait_for(time.time()) is not None
    began = time.monotonic()
    with tqdm(total=round(60 * minutes), desc="endurance", unit="s") as bar:
        while (passed := time.monotonic() - began) < 60 * minutes:
            samples.append({"s": round(passed, 1), **live.status(), "answers": live.answers[-1]["number"]})
            time.sleep(6)
            bar.update(6)
    code = live.end()
    server.kill()
    settled = [sample for sample in samples if sample["s"] >= 60]
    growth = settled[-1]["rss_bytes"] - settled[0]["rss_bytes"]
    return {
        "minutes": minutes,
        "answers": samples[-1]["answers"],
        "growth_bytes": growth,
        "largest_growth_bytes": max(sample["rss_bytes"] for sample in settled) - settled[0]["rss_bytes"],
        "threads": sorted({sample["threads"] for sample in settled}),
        "files": sorted({sample["files"] for sample in settled}),
        "exit_code": code,
        "samples": samples[:: max(1, len(samples) // 40)],
    }


def lose(losses: int) -> dict[str, Any]:
    """Loses the source again and again, in each of the ways in turn."""
    server = Server("good")
    live = Live(server.url)
    recoveries: list[dict[str, Any]] = []
    for number in tqdm(range(losses), desc="losses"):
        assert live.wait_for(time.time()) is not None, "it answers before it is lost"
        failure = FAILURES[number % len(FAILURES)]
        if failure == "killed":
            server.kill()
            time.sleep(0.2)
            server = Server("good", server.port)
        else:
            server.break_streams(failure)
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
    options.add_argument("--minutes", type=float, default=20)
    options.add_argument("--losses", type=int, default=100)
    asked = options.parse_args()
    rows = [{"what": "losses", **lose(asked.losses)}, {"what": "endurance", **endure(asked.minutes)}]
    write("soak", rows, f"python -m experiments.soak --minutes {asked.minutes:g} --losses {asked.losses}")
    for row in rows:
        print({key: value for key, value in row.items() if key not in ("samples", "recoveries")})


if __name__ == "__main__":
    main()
