"""A botocore that is trimmed once for all tests of this folder, beside the whole one."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import botocore
import pytest
from botocore.loaders import Loader
from botocore.session import Session, get_session

from driftguard_cli.sdk.operations import Calls, calls_of
from driftguard_cli.sdk.tree import Kept, trim
from tests.support.world import ROOT


@dataclass(frozen=True)
class Trimmed:
    """What was trimmed, what was kept of it, and how each SDK reads its files."""

    folder: Path
    calls: Calls
    kept: Kept
    before: Loader
    after: Loader

    def session(self, *, whole: bool) -> Session:
        """A session of one of the two SDKs."""
        session = get_session()
        session.register_component("data_loader", self.before if whole else self.after)
        session.set_credentials("an access key", "a secret")
        return session


def linked(folder: Path) -> Path:
    """An installed botocore without a copy of its data."""
    data = folder / "botocore" / "data"
    data.mkdir(parents=True)
    for path in (Path(botocore.__file__).parent / "data").iterdir():
        (data / path.name).symlink_to(path)
    return data


@pytest.fixture(scope="session")
def trimmed(tmp_path_factory: pytest.TempPathFactory) -> Trimmed:
    """The SDK as the build trims it."""
    built = tmp_path_factory.mktemp("built")
    linked(built)
    calls = calls_of(ROOT / "layers" / "driftguard" / "driftguard", ROOT / "functions")
    kept = trim(built, calls)
    # Elsewhere: what was read of these files before, the tests' loaders remember.
    folder = built.rename(built.with_name("layer"))
    data = str(folder / "botocore" / "data")
    after = Loader(extra_search_paths=[data], include_default_search_paths=False)
    before = Loader()
    for loader in (before, after):
        # Of its own: a client of S3 that another test made has changed the shared models.
        loader._cache = {}
    return Trimmed(folder, calls, kept, before, after)
