"""`/metrics`, for Prometheus: numbers only, nothing about callers."""
