"""Importing: a file of requests comes in, every row of it accounted for.

``sheet.py`` reads the file, ``columns.py`` guesses what its columns mean, ``rows.py`` turns a row into a request or
says why not, ``run.py`` does so batch by batch, ``stored.py`` keeps an upload sealed meanwhile, ``report.py`` tells
what came of it.

Every row ends in exactly one of four counts, so that ``rows = taken + flagged + refused + duplicates``:

taken       a lead was added, and nothing was wrong with the row
flagged     a lead was added; a field of it was blanked, or is doubtful
refused     nothing was added
duplicates  the same request again: nothing was added. Or the same person within the vertical's window: added, but
            linked to the first request, so that no buyer gets the person twice

Blank lines are no rows. A linked duplicate with a bad field counts once, as a duplicate; its problems are reported too.
"""
