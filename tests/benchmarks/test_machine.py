"""What a result says of the machine."""

import json
import os

from benchmarks import machine


def test_it_is_json_and_knows_this_machine() -> None:
    described = machine.describe()
    assert json.loads(json.dumps(described)) == described
    assert described["cores"] == len(os.sched_getaffinity(0))
    assert described["architecture"] == os.uname().machine
    assert described["memory_bytes"] > 2**28
    assert described["cpu"]
