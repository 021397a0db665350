"""The reports, the summary of a month, and the moments that went wrong as a to-do list."""
