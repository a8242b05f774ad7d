"""What do workers share? Importing this loads what every worker needs, whatever the policies say.

Law: it is imported by the process that workers are forked from, and by nothing else. What is loaded
there is loaded once, beside the gateway's own start, and its memory is shared; a worker that
replaces another is there in a moment.
"""

from __future__ import annotations

import gc

# Nothing of this is garbage, and what the collector does not touch stays shared.
gc.disable()
from gateway import bootstrap  # noqa: E402

bootstrap.prepare()
gc.freeze()
gc.enable()
