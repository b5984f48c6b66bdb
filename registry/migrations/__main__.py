"""After a change to registry/tables.py:

    python -m registry.migrations "what it adds"

writes the next file of versions/ from the difference. Read it, complete it where rows must move, and set
`HEAD` in registry/schema.py to its number.
"""

import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from alembic.command import revision

from registry.engine import for_writing, open_engine
from registry.schema import HEAD, bring_up_to_date, configuration

if __name__ == "__main__":
    with TemporaryDirectory() as folder:
        engine = open_engine(f"sqlite:///{Path(folder) / 'registry.db'}")
        bring_up_to_date(engine)
        with for_writing(engine) as connection, connection.begin():
            config = configuration(connection)
            revision(config, sys.argv[1], autogenerate=True, rev_id=f"{int(HEAD) + 1:04}")
