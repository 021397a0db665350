"""A flow without a PBX: the simulator, cases beside a flow, and a caller at the terminal."""
