"""Sending a stream of recorded transactions through the HTTP API.

A client like any other: no database, no engines, no models. `runner.replay()` is
the whole; rows come from `rows`, requests go through `client`, `tally` counts.
"""
