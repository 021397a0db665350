"""Accounts and admin: users, tokens, the audit log, what is kept how long, and everybody's own account."""
