"""Handing leads back: asked by the buyer, decided by the machine where it can, by the desk where it cannot."""
