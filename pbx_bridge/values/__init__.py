"""Values people type and hear: phone numbers, digits, tracking numbers, Jalali dates. Pure."""
