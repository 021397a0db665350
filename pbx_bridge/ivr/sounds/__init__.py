"""What callers hear as files: rendered, recorded, imported, checked."""
