"""The clients that are compared, each a program of its own: PORT, and what it does with every event.

    route    read its name, its channel's uuid and its job's id, find who wants it, call that listener
    headers  the same, and the listener reads every header

Each prints one JSON object when the last event has come: events, wall seconds, CPU seconds, and the number
of characters in all header values that were read.
"""
