"""Interleaved timings and the peak of live tensor bytes, for the benchmarks beside this file."""

from __future__ import annotations

import json
import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path

import torch
from torch.profiler import ProfilerActivity, profile


def fastest(variants: Mapping[str, Callable[[], object]], rounds: int) -> dict[str, float]:
    """Seconds of each variant: the minimum over rounds in which all of them take turns."""
    seconds = dict.fromkeys(variants, float("inf"))
    for _ in range(rounds):
        for name, run in variants.items():
            start = time.perf_counter()
            run()
            seconds[name] = min(seconds[name], time.perf_counter() - start)
    return seconds


def peak_mib(run: Callable[[], object]) -> float:
    """Most bytes of tensors that lived at once while `run` ran, above what lived before, in MiB.

    On one thread, since the profiler sees the tensors of its own thread only; several share the same budget.
    """
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        with profile(activities=[ProfilerActivity.CPU], profile_memory=True) as record:
            run()
    finally:
        torch.set_num_threads(threads)
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "trace.json"
        record.export_chrome_trace(str(file))
        events = json.loads(file.read_text())["traceEvents"]
    memory = sorted((event["ts"], event["args"]) for event in events if event.get("name") == "[memory]")
    changes = [(args["Total Allocated"], args["Bytes"]) for _, args in memory if args.get("Device Type") == 0]
    start = changes[0][0] - changes[0][1]
    return (max(total for total, _ in changes) - start) / 2**20


def report(title: str, rows: Mapping[str, Mapping[str, float]], result: Mapping[str, object]) -> None:
    """Print a short table and, as the last line, one JSON object."""
    print(title)
    columns = list(dict.fromkeys(name for row in rows.values() for name in row))
    print(f"{'':44}" + "".join(f"{name:>14}" for name in columns))
    for name, row in rows.items():
        print(f"{name:44}" + "".join(f"{row[c]:14.3f}" if c in row else " " * 14 for c in columns))
    print(json.dumps(result))
