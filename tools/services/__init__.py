"""The units of tools/systemd/ on a real systemd: installed as the guide says, killed under callers."""
