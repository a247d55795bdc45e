"""A real Chromium against a real server on a database of the test's own."""

from __future__ import annotations

import os
import shutil
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest
from django.core.servers.basehttp import ThreadedWSGIServer, WSGIRequestHandler
from django.core.wsgi import get_wsgi_application
from django.db import connections
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

from tests.people import PASSWORD

# The same engine; the first has no windows to draw and costs two thirds of the CPU.
BROWSERS = ("chromium-headless-shell", "chromium")
ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
# Set before any script of the page runs; evaluated outside of the page's policy.
LISTEN = """
document.addEventListener("securitypolicyviolation", (event) =>
  reportTrouble(`policy: ${event.violatedDirective} ${event.blockedURI}`)
);
"""


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    path = os.environ.get("CHROMIUM") or next(
        filter(None, map(shutil.which, BROWSERS)), ""
    )
    if not path:
        message = "No Chromium: set CHROMIUM to its path, or install one."
        if os.environ.get("BROWSER_TESTS") == "1":
            pytest.fail(message)
        pytest.skip(message)
    # Playwright runs a loop in this thread, which Django would take for async code.
    os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "1"
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=ARGUMENTS)
        yield browser
        browser.close()
    del os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"]


class _QuietHandler(WSGIRequestHandler):
    def log_message(self, format: str, *arguments: Any) -> None:  # noqa: A002 - its name.
        """Say nothing: a browser that leaves early is no news."""


class _Server(ThreadedWSGIServer):
    daemon_threads = False  # Joined at the end, so that no connection is forgotten.

    def close_request(self, request: Any) -> None:
        connections.close_all()
        super().close_request(request)


@pytest.fixture
def site(committed_db: None, spacious_limits: None) -> Iterator[str]:
    """The address of the product, served by threads as in production."""
    server = _Server(("127.0.0.1", 0), _QuietHandler, connections_override={})
    server.set_app(get_wsgi_application())
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


class Visitor:
    """A person with a browser window, who notes everything that goes wrong in it."""

    def __init__(self, context: BrowserContext, site: str) -> None:
        self.context = context
        self.site = site
        self.trouble: list[str] = []
        context.expose_function("reportTrouble", self.note)
        context.add_init_script(LISTEN)
        self.page = context.new_page()
        self.page.on("console", self._hear)
        self.page.on("pageerror", lambda error: self.note(str(error)))
        self.page.on("dialog", lambda dialog: self.note(dialog.message))

    def _hear(self, message: Any) -> None:
        # Chromium also reports a 403 or 404 page that a test asks for.
        if message.type == "error" and "Failed to load resource" not in message.text:
            self.note(message.text)

    def note(self, trouble: str) -> None:
        self.trouble.append(trouble)

    def sign_in(self, username: str) -> Page:
        self.page.goto(f"{self.site}/accounts/login/")
        self.page.get_by_label("Username").fill(username)
        self.page.get_by_label("Password").fill(PASSWORD)
        self.page.get_by_role("button", name="Sign in").click()
        return self.page

    def open(self, path: str) -> int:
        """Go to a page and return its status."""
        response = self.page.goto(self.site + path)
        assert response is not None
        return response.status


@pytest.fixture
def visit(chromium: Browser, site: str) -> Iterator[Callable[..., Visitor]]:
    """Opens browser windows: visit(width=390, javascript=False, scheme="dark")."""
    with ExitStack() as stack:

        def make(
            *,
            width: int = 1280,
            javascript: bool = True,
            scheme: Any = "light",
            user_agent: str | None = None,
        ) -> Visitor:
            context = chromium.new_context(
                viewport={"width": width, "height": 800},
                java_script_enabled=javascript,
                color_scheme=scheme,
                user_agent=user_agent,
                reduced_motion="reduce",
            )
            stack.callback(context.close)
            return Visitor(context, site)

        yield make


@pytest.fixture(autouse=True)
def marked_browser(request: pytest.FixtureRequest) -> None:
    assert request.node.get_closest_marker("browser"), "Mark browser tests."
