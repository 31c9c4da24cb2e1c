"""Whom a caller's words mean: see docs/matching.md, and begin with `matcher.py`."""

from voiced.transfer.matching.matcher import LONGEST, Matcher
from voiced.transfer.matching.verdicts import Default, Found, Match, Nobody, Number, Question

__all__ = ["LONGEST", "Default", "Found", "Match", "Matcher", "Nobody", "Number", "Question"]
