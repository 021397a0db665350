"""docs/reference/: every setting, command, metric, request and exit status, made of the code that has them.

    the settings' sections, click's commands, the routes, the calls that make metrics  ─►  docs/reference/*.md

`python -m tools.reference` writes the pages, `--check` only says whether they are as the code has them. What a page
needs and the code does not tell (a setting without a word about it) is an error that names the place.
"""
