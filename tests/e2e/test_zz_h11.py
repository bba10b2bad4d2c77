from tests.e2e.conftest import *
from tests.e2e import world
def test_pics(page, make_repository, look, axe):
    r=make_repository("nextcloud"); world.make_worker()
    world.finished(r)
    page.set_viewport_size(PHONE)
    page.goto(f"/repositories/{r.pk}/archives/"); page.wait_for_timeout(4000)
    open("/tmp/w/h11/o.txt","w").write(repr(page.evaluate(TOO_WIDE))+page.locator("main").inner_html())
    page.screenshot(path="/tmp/w/h11/a.png", full_page=True)
