"""A company's own customers: uploaded as a file, kept as keyed digests, never shown or sold to it.

``columns.py`` finds the phones and addresses in a file, ``digests.py`` turns a row into digests or says what is wrong
with it, ``lists.py`` takes an upload in and removes lists, ``working.py`` reads one batch by batch.
"""
