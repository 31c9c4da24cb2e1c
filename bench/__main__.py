"""`python -m bench [NAME …] [--rounds N] [--scale X]`: run the benchmarks, print tables, keep the figures.

A figure that is over its limit is told in a line of its own, and the exit code is 1 then.
"""

from __future__ import annotations

import argparse
import importlib
import json
import logging
import os
import pkgutil
import platform
import sys
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from types import ModuleType

import structlog

import bench
from bench import Limit, Options

RESULTS = Path(__file__).parent / "results"


def benchmarks() -> dict[str, ModuleType]:
    """The benchmarks by name: every module of the package without a leading underscore."""
    names = [module.name for module in pkgutil.iter_modules(bench.__path__)]
    return {name: importlib.import_module(f"bench.{name}") for name in names if not name.startswith("_")}


def main() -> None:
    found = benchmarks()
    parser = argparse.ArgumentParser(
        prog="python -m bench",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        description="\n".join(f"{name:10} {module.SUMMARY}" for name, module in found.items()),
    )
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(found)}; without, all")
    parser.add_argument("--rounds", type=int, default=5, help="measurements of each peer (default 5)")
    parser.add_argument("--scale", type=float, default=1.0, help="0.1 sends a tenth of the events")
    arguments = parser.parse_args()
    if unknown := set(arguments.names) - set(found):
        parser.error(f"no such benchmark: {', '.join(sorted(unknown))}")
    RESULTS.mkdir(exist_ok=True)
    now = datetime.now(UTC)
    is_over = False
    for name in arguments.names or found:
        figures = found[name].run(Options(arguments.rounds, arguments.scale))
        machine = {"python": platform.python_version(), "cpus": os.cpu_count(), "kernel": platform.release()}
        limits: list[Limit] = figures.pop("limits", [])
        report = {
            "benchmark": name, "at": now.isoformat(timespec="seconds"), "machine": machine, **figures,
            "limits": [asdict(limit) for limit in limits],
        }  # fmt: skip
        path = RESULTS / f"{name}-{now:%Y%m%d-%H%M%S}.json"
        path.write_text(json.dumps(report, indent=1) + "\n")
        print(f"figures: {path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path}")
        for limit in (limit for limit in limits if not limit.is_kept):
            is_over = True
            print(f"OVER THE LIMIT  {name}: {limit}")
        print()
    if is_over:
        sys.exit(1)


if __name__ == "__main__":
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING))
    main()
