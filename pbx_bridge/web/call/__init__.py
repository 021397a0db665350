"""The page of one call, and what can be heard of it, noted at it and downloaded from it."""
