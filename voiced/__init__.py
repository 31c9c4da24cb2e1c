"""voiced: a telephony daemon beside FreeSWITCH. Attended transfers and callbacks that keep their promise."""

__version__ = "0.1.0"
