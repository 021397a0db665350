"""Customers: found while somebody types, their page, their story, changed, merged; and everybody's phone book."""
