"""Telephony from the pages: calls by a click, the call in hand, pauses. Asterisk's words stay in `ami/`."""
