import os
from threading import Thread

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "marketplace.settings")
application = get_wsgi_application()


def _open_the_shelf() -> None:
    """Load the snapshot at startup, so that the first visitor does not wait for it."""
    from marketplace.inventory.live import warm
    from marketplace.ops.gc import keep_what_is_loaded

    warm()
    keep_what_is_loaded()


Thread(target=_open_the_shelf, daemon=True).start()
