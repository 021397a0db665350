"""Flows as data, the pure engine that runs them, and speech."""
