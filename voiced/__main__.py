"""`voiced`, and `python -m voiced`. What they do is in cli.py, which takes a second to load."""

from __future__ import annotations

import signal


def main() -> None:
    """The `voiced` command."""
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, signal.SIG_DFL)  # nothing runs yet: Ctrl-C is no traceback of an import
    from voiced.cli import app

    app()


if __name__ == "__main__":
    main()
