"""`python -m bench [NAME …] [--rounds N] [--scale X]`: run the benchmarks, print tables, keep the figures."""

from __future__ import annotations

import argparse
import importlib
import json
import os
import pkgutil
import platform
from datetime import UTC, datetime
from pathlib import Path
from types import ModuleType

import bench
from bench import Options

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
    for name in arguments.names or found:
        figures = found[name].run(Options(arguments.rounds, arguments.scale))
        machine = {"python": platform.python_version(), "cpus": os.cpu_count(), "kernel": platform.release()}
        report = {"benchmark": name, "at": now.isoformat(timespec="seconds"), "machine": machine, **figures}
        path = RESULTS / f"{name}-{now:%Y%m%d-%H%M%S}.json"
        path.write_text(json.dumps(report, indent=1) + "\n")
        print(f"figures: {path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path}\n")


if __name__ == "__main__":
    main()
