"""Fuzzing: a million spoilt inputs for each thing that reads what others wrote. `make fuzz`; docs/security.md.

    seeds (real captures) ─► mutate, by number ─► target: read, keep ─► nothing, or a defect with its number

An input is made of the target, the seed and its number alone, so that each one can be made again.
"""
