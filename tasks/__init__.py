"""The steps of the flows: one verb a file, each a thin Prefect task over the libraries.

Beside them lies what they share: the parts they work with (`wiring`, `runners`), how they fail and are
repeated (`retries`, `caching`, `failures`, `attempts`), how many run at once (`limits`, `lanes`), and what
people read of them (`artifacts`, `markdown`, `curve`, `telling`, `naming`, `plain_logs`).
"""

import logging

from settings import quiet_dependencies
from tasks.plain_logs import speak_plainly

quiet_dependencies()
speak_plainly()
# Prefect hands on to its server what the loggers let through; the command line has set its own level
if logging.getLogger("luthier").level == logging.NOTSET:
    logging.getLogger("luthier").setLevel(logging.INFO)
