"""Whom a caller does not want."""

from __future__ import annotations

from dataclasses import dataclass, field

from voiced.transfer.matching.candidates import EQUAL, Candidate


@dataclass(slots=True)
class Denied:
    """Who is denied, by how much of what they are called; `members` only belong to what is denied."""

    called: dict[int, float] = field(default_factory=dict)
    members: set[int] = field(default_factory=set)

    def add(self, candidates: list[Candidate]) -> None:
        """Deny those who explain most of a denial; and most of what is left of it (`menos o Rui e a Ana`)."""
        evident = [one for one in candidates if one.explained] or candidates
        rest = {place for one in evident for place in one.places}
        while rest:
            of_rest = [(sum(one.places[at] for at in rest & one.places.keys()), one) for one in evident]
            most = max(mass for mass, _ in of_rest)
            best = [one for mass, one in of_rest if mass >= most - EQUAL]
            fillers = max(len(one.fillers) for one in best)
            for one in best:
                rest.difference_update(one.places)
                if len(one.fillers) == fillers:
                    self._deny(one)

    def allowed(self, found: list[Candidate]) -> list[Candidate]:
        """Nobody who is denied, unless called by more than was denied (`não a Maria, a Maria Clara`).

        Who belongs to what is denied must be called, by more than others (`João, mas não o do suporte`).
        """
        if self.called:
            found = [one for one in found if one.mass_called > self.called.get(one.owner, -1.0) + EQUAL]
        if self.members:
            most = max((one.mass for one in found if one.owner not in self.members), default=0.0)
            found = [
                one
                for one in found
                if one.owner not in self.members or (one.called and one.mass > most + EQUAL)
            ]
        return found

    def _deny(self, one: Candidate) -> None:
        if one.called or not one.explained:
            self.called[one.owner] = max(sum(one.places.values()), self.called.get(one.owner, 0.0))
        else:
            self.members.add(one.owner)
