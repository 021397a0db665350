"""`make chaos`: one fault after the other under real calls; what callers heard, the record and the status page said.

Run from the project's folder: `.venv/bin/python -m bench.chaos --help`. The calls, the second reader of Asterisk's
files and the verdict are the soak's; here each fault is done once, alone and to its end, and stands in a table.
"""

import bench.system  # noqa: F401 - so that what the tests start can be imported
