"""Keys for a market nobody has configured: random, generated once, stored next to its database."""

import base64
import json
import os
import secrets
from pathlib import Path


def load_local_keys(path: Path) -> dict[str, str]:
    """Return SECRET_KEY, FIELD_KEYS and DIGEST_KEY from ``path``, generated on first use (mode 0600).

    Several processes may be first at the same time: each writes its own file, and the first link wins.
    """
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        mine = path.with_name(f"{path.name}.{os.getpid()}")
        with os.fdopen(os.open(mine, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
            json.dump(_fresh_keys(), file)
        try:
            os.link(mine, path)
        except FileExistsError:
            pass
        finally:
            mine.unlink()
    return json.loads(path.read_text())


def _fresh_keys() -> dict[str, str]:
    return {
        "SECRET_KEY": secrets.token_urlsafe(50),
        "FIELD_KEYS": f"1:{base64.b64encode(secrets.token_bytes(32)).decode()}",
        "DIGEST_KEY": base64.b64encode(secrets.token_bytes(32)).decode(),
    }
