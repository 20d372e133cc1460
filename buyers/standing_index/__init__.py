"""Which of many standing orders want this one lead: their criteria as bitmaps, read backwards."""
