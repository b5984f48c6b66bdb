"""The steps of the flows: one verb a file, each a thin Prefect task over the libraries."""

import logging

from settings import quiet_dependencies

quiet_dependencies()
# Prefect hands the records on to its server only from this level on
logging.getLogger("luthier").setLevel(logging.INFO)
