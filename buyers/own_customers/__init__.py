"""A company's own customers: uploaded as a file, stored as keyed digests, never shown or sold to it.

``columns.py`` finds the phone and email columns in a file, ``digests.py`` turns a row into digests or says what is
wrong with it, ``lists.py`` accepts uploads and removes lists, ``list_job.py`` reads a list batch by batch.
"""
