"""Which recordings the simulated switch does not claim to follow, and why. All others it does."""

NOT_CLAIMED: dict[str, str] = {}
