"""A simulated FreeSWITCH for tests, demo and benchmark: event socket, callers, phones, queues, faults.

    switch = Switch(domain="pbx.test", password="ClueCon")
    await switch.start()                                      # event socket on switch.port
    agent = switch.phone("1001", Manner.ANSWER, delay=0.2)
    caller = await switch.call("8000", number="5511999990000", name="Maria Souza")
    await switch.until(lambda: caller.hears == "assistant")
    …                                                         # whoever is tested transfers the caller
    await switch.until(lambda: caller.talks_to is agent)
    await switch.stop()

It imports nothing else of voiced: it is an independent opinion of the wire. tests/sim holds it against
recordings of a real switch.
"""

from .exchange import Dialled
from .faults import Received, Verdict
from .phones import Caller, Line, Manner, Party, Phone
from .sounds import Sound
from .switch import Switch
from .wire import Event

__all__ = [
    "Caller",
    "Dialled",
    "Event",
    "Line",
    "Manner",
    "Party",
    "Phone",
    "Received",
    "Sound",
    "Switch",
    "Verdict",
]
