"""What is kept: journal, calls, CRM, users. The only place that knows SQL."""
