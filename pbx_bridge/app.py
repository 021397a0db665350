"""The composition root: opens, wires and stops everything; the only place that knows everything."""
