"""Files of bought leads, written anew at every download; nothing of them is stored but the manifest."""
