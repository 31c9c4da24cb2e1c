"""`voiced doctor`: is everything there that the daemon needs?"""

from voiced.doctor.checks import examine

__all__ = ["examine"]
