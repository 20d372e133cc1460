"""Databases of earlier releases: each must migrate to the newest."""
