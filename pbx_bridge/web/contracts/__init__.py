"""Contracts: which stand, which end soon, what each customer used, and what came of the renewal."""
