"""Send a stream of recorded transactions through the HTTP API.

An ordinary client: no database, no engines, no models. `runner.replay()` does it all;
`rows` reads the stream, `client` sends the requests, `tally` counts the answers.
"""
