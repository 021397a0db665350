"""`make soak`: real calls while everything is killed, then the record against what Asterisk itself wrote.

Run from the project's folder: `.venv/bin/python -m bench.soak --help`. Nothing here uses the project's own readers or
its fold: Asterisk's files are read a second time, in a plain way of their own (`files`).
"""
