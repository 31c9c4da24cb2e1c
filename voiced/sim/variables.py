"""Channel variables: names in any case, kept in the order in which they were last set."""

from __future__ import annotations

from collections.abc import Iterator

from .wire import Block, Value, flat, line


class Variables:
    """The variables of one channel, with the header block that every verbose event of it ends with."""

    def __init__(self) -> None:
        self._items: dict[str, tuple[str, Value, str]] = {}
        self._block: Block | None = None

    def get(self, name: str) -> str | None:
        item = self._items.get(name.lower())
        return flat(item[1]) if item else None

    def true(self, name: str) -> bool:
        return is_true(self.get(name))

    def set(self, name: str, value: Value | None) -> None:
        """Set, or remove with None or an empty text; set anew it moves to the end, as in FreeSWITCH."""
        self._block = None
        self._items.pop(name.lower(), None)
        if value:
            self._items[name.lower()] = (name, value, line(f"variable_{name}", value))

    def push(self, name: str, value: str) -> None:
        """Add an element: the second one makes an array."""
        item = self._items.get(name.lower())
        if item is None:
            self.set(name, value)
        else:
            old = item[1] if isinstance(item[1], tuple) else (item[1],)
            new: Value = (*old, value)
            self._block = None
            self._items[name.lower()] = (name, new, line(f"variable_{name}", new))

    def update(self, values: dict[str, str]) -> None:
        for name, value in values.items():
            self.set(name, value)

    def items(self) -> Iterator[tuple[str, str]]:
        for name, value, _ in list(self._items.values()):
            yield name, flat(value)

    def __contains__(self, name: str) -> bool:
        return name.lower() in self._items

    @property
    def block(self) -> Block:
        if self._block is None:
            items = self._items.values()
            pairs: list[tuple[str, Value]] = [(f"variable_{name}", value) for name, value, _ in items]
            self._block = Block(pairs, "".join([text for _, _, text in items]))
        return self._block


def is_true(text: str | None) -> bool:
    """What FreeSWITCH takes for true: true, yes, on, enable, t, allow, active, or a number that is not 0."""
    if not text:
        return False
    if text.lower() in ("yes", "on", "true", "t", "enabled", "active", "allow", "enable"):
        return True
    return text.lstrip("-").isdigit() and int(text) != 0


def is_false(text: str | None) -> bool:
    if not text:
        return False
    return text.lower() in ("no", "off", "false", "f", "disabled", "inactive", "disallow") or text == "0"


def whole(text: str | None, default: int = 0) -> int:
    """The number at the start of a text, as C's atoi reads it."""
    digits = ""
    for position, char in enumerate((text or "").lstrip()):
        if char.isdigit() or (position == 0 and char in "+-"):
            digits += char
        else:
            break
    try:
        return int(digits)
    except ValueError:
        return default
