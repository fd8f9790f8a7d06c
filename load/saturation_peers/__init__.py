"""What do others say of the same channels? ``make bench-saturation-peers``."""
