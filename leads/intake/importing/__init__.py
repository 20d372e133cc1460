"""Importing: load a file of requests and account for every row.

``sheet.py`` reads the file, ``columns.py`` guesses what its columns mean, ``rows.py`` turns a row into a request or
says why not, ``run.py`` does so batch by batch, ``stored.py`` keeps the upload sealed, ``report.py`` gives the result.

Every row ends in exactly one of four counts, so that ``rows = taken + flagged + refused + duplicates``:

taken       a lead was added, with no problems in the row
flagged     a lead was added, but a field was blanked or is doubtful
refused     nothing was added
duplicates  the same request again: nothing was added. Or the same person within the vertical's window: added, but
            linked to the first request, so that no buyer gets the same person twice

Blank lines are not rows. A linked duplicate with a bad field counts once, as a duplicate; its problems are reported.
"""
