"""Pages of other sites, in a real browser, change nothing in the embedded AWS."""

from urllib.parse import urlsplit

import pytest
from starlette.applications import Starlette
from starlette.responses import HTMLResponse
from starlette.routing import Route

from tests.browser.conftest import serving

pytestmark = pytest.mark.browser

# Sends what a page may send without asking: a form, and requests whose answers it cannot read.
ATTACK = """
<form method=post enctype=text/plain action="{target}/moto-api/reset" target=frame></form>
<iframe name=frame></iframe>
<script>
const targets = ["/moto-api/reset", "/moto-api/seed?a=1", "/", "/{bucket}", "/{bucket}/{key}"];
const sent = targets.flatMap(path => ["GET", "POST"].map(method =>
  fetch("{target}" + path, {{method, mode: "no-cors", body: method === "POST" ? "x" : null}})));
document.forms[0].submit();
Promise.allSettled(sent).then(() => setTimeout(() => document.title = "done", 300));
</script>
"""


@pytest.fixture(params=["127.0.0.1", "evil.localhost"])
def target(request, aws_env):
    """The embedded AWS as a page may address it."""
    return f"http://{request.param}:{urlsplit(aws_env).port}"


def test_a_form_or_a_request_of_another_site_deletes_nothing(browser, stored, seed, ready, target):
    bucket = stored.names.artifacts_bucket
    attack = ATTACK.format(target=target, bucket=bucket, key="key")
    app = Starlette(routes=[Route("/", lambda _: HTMLResponse(attack))])
    with serving(app) as address:
        context = browser.new_context()
        page = context.new_page()
        statuses = []
        page.on("response", lambda response: statuses.append((response.url, response.status)))
        page.goto(address)
        page.wait_for_function("document.title === 'done'")
        context.close()
    ours = [status for url, status in statuses if url.startswith(target)]
    assert len(ours) >= 11
    assert set(ours) == {403}
    video = seed.catalog.video(ready)
    assert video.stages
    assert seed.artifacts.read(video.stages["thumbnail"].result.prefix + "manifest.json")
