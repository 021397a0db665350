"""What is looked at, a module for each kind of thing. Pure: every check judges a `Gathered` and nothing else."""
