"""What screens are made of. It knows no server."""
