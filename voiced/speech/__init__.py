"""What callers and agents hear."""
