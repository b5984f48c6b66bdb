"""The steps of the flows: one verb a file, each a thin Prefect task over the libraries."""

import logging

from settings import quiet_dependencies
from tasks.words import speak_plainly

quiet_dependencies()
speak_plainly()
# Prefect hands on to its server what the loggers let through; the command line has set its own level
if logging.getLogger("luthier").level == logging.NOTSET:
    logging.getLogger("luthier").setLevel(logging.INFO)
