"""Our configuration on a company's own PBX: planned, shown, rehearsed, written, proved by a call, taken back."""
