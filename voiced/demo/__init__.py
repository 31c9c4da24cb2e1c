"""`voiced demo`: everything on one machine, nothing to install or own.

An embedded PostgreSQL, a simulated PBX with phones, a small ticketing backend, and the same daemon as
anywhere. Two callers ask for a person; what happens is told as it happens. Then it stays up, to be tried.
"""

from voiced.demo.show import show

__all__ = ["show"]
