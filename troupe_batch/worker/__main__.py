"""`python -m troupe_batch.worker COMMAND`: Celery's command line (worker, flower, inspect ...) on our app.

`celery -A` would look for the app in the working folder first, and there may lie anything.
"""

from __future__ import annotations

import os
import sys

from troupe_batch.worker.celery_app import app

# Celery's command line takes a variable of this common name for `-A`.
os.environ.pop("APP", None)
sys.exit(app.start(sys.argv[1:]))
