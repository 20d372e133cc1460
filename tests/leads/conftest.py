import pytest


@pytest.fixture(autouse=True)
def files_of_their_own(settings, tmp_path):
    """Uploads of a test go to a folder of that test."""
    settings.STORAGES = {
        **settings.STORAGES,
        "default": {
            "BACKEND": "django.core.files.storage.FileSystemStorage",
            "OPTIONS": {"location": str(tmp_path / "files")},
        },
    }
