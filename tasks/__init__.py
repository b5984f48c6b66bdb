"""The steps of the flows: one verb a file, each a thin Prefect task over the libraries."""

import logging

from settings import quiet_dependencies

quiet_dependencies()
# Prefect hands on to its server what the loggers let through; the command line has set its own level
if logging.getLogger("luthier").level == logging.NOTSET:
    logging.getLogger("luthier").setLevel(logging.INFO)
