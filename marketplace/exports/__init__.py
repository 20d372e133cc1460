"""Files of bought leads, generated at every download; only the manifest is stored."""
