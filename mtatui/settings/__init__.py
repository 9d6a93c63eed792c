"""What can be set, as data: declarations, values, staged changes, plans, profiles. No I/O."""
