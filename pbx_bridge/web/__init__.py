"""The pages: status, call history, one call; sign-in. Knows the store, never Asterisk."""
