"""Helpers of the tests: phones, SIPp, sound, the whole system, and toy servers to force faults."""
