"""A document of experiments/: a row that was measured elsewhere or on another day keeps where and when."""

import json
from pathlib import Path

from experiments import record
from experiments.markdown import source


def test_rows_that_are_kept_keep_their_day_and_machine(tmp_path: Path) -> None:
    record.write("speed", [{"file": "old"}, {"file": "again", "ms": 1}], "python -m speed", tmp_path)
    path = tmp_path / "speed.json"
    first = json.loads(path.read_bytes())
    path.write_text(json.dumps({**first, "date": "2026-01-02", "machine": {**first["machine"], "cpu": "Another"}}))
    for _ in range(2):  # the origin lasts
        rows = [row for row in json.loads(path.read_bytes())["results"] if row["file"] != "again"]
        record.write("speed", [*rows, {"file": "again", "ms": 2}], "python -m speed", tmp_path)
    found = json.loads(path.read_bytes())
    cores = found["machine"]["cores"]
    assert found["results"] == [
        {"file": "old", "measured": {"date": "2026-01-02", "cpu": "Another", "cores": cores}},
        {"file": "again", "ms": 2},
    ]
    said = source(found)
    assert f"2026-01-02 on {cores}" in said and f"{found['date']} on {cores}" in said and "Another" in said
