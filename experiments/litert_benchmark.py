"""litert-benchmark, which comes with ai-edge-litert, with all the digits of what it measured.

    python -m experiments.litert_benchmark --model MODEL --num_threads 1 --num_runs N --result_json FILE

It rounds its milliseconds to two digits, and a small network takes three hundredths of one. So `round` is another one
inside its module; what it times, and how, stays as it is.
"""

from ai_edge_litert.tools import benchmark_litert_model


def unrounded(value: float, digits: int) -> float:
    """In the place of `round`."""
    return value


if __name__ == "__main__":
    benchmark_litert_model.round = unrounded
    benchmark_litert_model.main()
