"""From a flow's YAML to typed nodes: every fault named at its line. Files are read by beside.py alone."""
