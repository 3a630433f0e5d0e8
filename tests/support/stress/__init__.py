"""Runs that are killed at random instants, and followed by one that must end as if nothing had happened.

`make stress`, or `python -m stress --rounds 200 --seed 7`. Each round is a project of its own: a run is started, one or
two of its processes are ended with SIGKILL, it is run again, and what came out is compared with a run that nobody
disturbed. A failure names the seed that begins with it, and its project is kept.
"""
