"""Tickets and complaints: lists, one with its history, what is done with it, and how its promises stand."""
