"""The page at /api/docs in a real browser: nothing from outside, nothing against the policy, and it can be used."""

from playwright.sync_api import Page, expect

from .conftest import picture


def test_the_docs_show_an_endpoint_and_try_it_out(page: Page) -> None:
    page.goto("/api/docs")
    endpoint = page.locator("#operations-status-get_status")
    endpoint.get_by_role("button").first.click()
    endpoint.get_by_role("button", name="Try it out").click()
    endpoint.get_by_role("button", name="Execute").click()
    expect(endpoint.locator(".live-responses-table .response-col_status").last).to_contain_text("200")
    picture(page, "api-docs", whole=False)
