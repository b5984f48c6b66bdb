"""`python -m launch FLOW PARAMETERS_AS_JSON [RUN]` runs a flow in this process."""

import json
import sys

from launch import run, run_recorded

if len(sys.argv) > 3:
    sys.exit(run_recorded(sys.argv[1], json.loads(sys.argv[2]), sys.argv[3]))
run(sys.argv[1], json.loads(sys.argv[2]))
