import pytest

from pipeline.errors import MissingDependency
from pipeline.models import engines


def test_a_library_that_is_not_installed_is_named_by_its_extra():
    with pytest.raises(MissingDependency, match='extra "detect"') as caught:
        engines.version("no-such-package", "detect")
    assert caught.value.code == "extra_missing"
