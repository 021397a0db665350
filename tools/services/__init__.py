"""The units of tools/systemd/ on a real systemd: installed as the guide says, killed under callers."""

import bench.system  # noqa: F401 - with it the tests' harness is found
