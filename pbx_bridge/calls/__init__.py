"""The pure core of the record: facts, grouping, fold, outcome. No I/O, no clock."""
