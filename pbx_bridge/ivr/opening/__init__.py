"""When the office is open: weekly hours, and holidays from data, YAML and iCalendar. Pure."""
