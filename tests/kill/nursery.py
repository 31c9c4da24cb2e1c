"""Where the daemons of kill tests are born: a process that has imported everything, and forks them.

Importing takes a second of CPU, and a test starts up to three daemons. What is born is a process of its own,
with its own sockets and its own log; it is killed like any other.

    python -m tests.kill.nursery

Each line of standard input is a `Birth` as JSON; the answer is a line with the pid.
"""

from __future__ import annotations

import json
import os
import random
import select
import signal
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[2]


@dataclass(frozen=True, slots=True)
class Birth:
    """`voiced run --config CONFIG`, standard error to `log`; `limits` are constants of pbx/control.py."""

    config: str
    log: str
    limits: Mapping[str, int] = field(default_factory=dict)


class Process:
    """A daemon that was born here."""

    def __init__(self, birth: Birth) -> None:
        nursery = _nursery()
        assert nursery.stdin is not None
        assert nursery.stdout is not None
        nursery.stdin.write(json.dumps(asdict(birth)) + "\n")
        nursery.stdin.flush()
        self.pid = int(nursery.stdout.readline())
        self._fd = os.pidfd_open(self.pid)  # readable once it is gone

    @property
    def is_gone(self) -> bool:
        return bool(select.select([self._fd], [], [], 0)[0])

    def send_signal(self, number: signal.Signals) -> None:
        if not self.is_gone:
            signal.pidfd_send_signal(self._fd, number)

    def kill(self) -> None:
        """SIGKILL. It is gone when this returns."""
        self.send_signal(signal.SIGKILL)
        assert select.select([self._fd], [], [], 10)[0], f"process {self.pid} outlives SIGKILL"

    def close(self) -> None:
        os.close(self._fd)


@cache
def _nursery() -> subprocess.Popen[str]:
    """One for all tests of this process; it ends with it."""
    return subprocess.Popen(
        [sys.executable, "-m", "tests.kill.nursery"],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=ROOT,
    )  # fmt: skip


def main() -> None:
    import voiced.app
    import voiced.cli
    from voiced.__main__ import main as run
    from voiced.pbx import control

    assert voiced.app
    assert voiced.cli
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody waits for them
    for line in sys.stdin:
        birth = Birth(**json.loads(line))
        if pid := os.fork():
            print(pid, flush=True)
            continue
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        random.seed()
        os.dup2(os.open(os.devnull, os.O_RDWR), 0)
        os.dup2(0, 1)
        os.dup2(os.open(birth.log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600), 2)
        for name, value in birth.limits.items():
            assert hasattr(control, name), name
            setattr(control, name, value)
        sys.argv = ["voiced", "run", "--config", birth.config]
        run()
        return


if __name__ == "__main__":
    main()
