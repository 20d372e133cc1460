"""The only place of personal data: who somebody is, sealed; the same person again; stop and erase."""
