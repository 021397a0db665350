"""The call history: its filters, its list, saved views, exports."""
