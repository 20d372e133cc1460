"""Find which of many standing orders match one lead: their criteria as inverted bitmaps."""
