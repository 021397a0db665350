"""`python -m tools.containers`: the compose file brought up for real, called, killed, and its record checked."""
