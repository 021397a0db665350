"""Callbacks and follow-ups: who is to be called, by whom, when, and what came of it."""
