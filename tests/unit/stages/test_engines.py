import pytest

from pipeline.core.errors import MissingDependency
from pipeline.stages.models import engines


def test_a_library_that_is_not_installed_is_named_by_its_extra():
    with pytest.raises(MissingDependency, match='extra "detect"') as caught:
        engines.version("no-such-package", "detect")
    assert caught.value.code == "extra_missing"


def test_a_host_without_engines_uses_the_configured_versions_of_the_others(model_host):
    model_host(engines={"no-such-package": "1.2", "pydantic": "0"})
    assert engines.version("no-such-package", "detect") == "1.2"
    assert engines.version("pydantic", "detect") != "0", "what is here counts"
