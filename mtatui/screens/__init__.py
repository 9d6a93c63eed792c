"""The terminal face: one module for each screen or dialog, and beside it what the screen says and does."""
