"""`python -m launch flow FLOW PARAMETERS_AS_JSON` or `python -m launch runs RUN…`, in this process."""

import json
import sys

from launch import run
from launch.recorded import work_off

match sys.argv[1:]:
    case ["flow", flow, parameters]:
        run(flow, json.loads(parameters))
    case ["runs", *run_ids]:
        sys.exit(work_off(run_ids))
    case _:
        sys.exit(__doc__)
