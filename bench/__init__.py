"""`make bench`: what the daemon costs and how fast it is, measured on a real Asterisk with real calls.

Run from the project's folder: `.venv/bin/python -m bench --help`. Knows the daemon from outside only: its commands,
its pages, `/metrics` and what the kernel tells of its process.
"""
