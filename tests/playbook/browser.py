"""A real browser: Debian's Chromium by its WebDriver, through Selenium."""

from __future__ import annotations

import shutil
import tempfile
import time
from dataclasses import dataclass
from urllib.parse import urlsplit

from selenium import webdriver
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.by import By
from selenium.webdriver.support.expected_conditions import (
    presence_of_element_located,
    text_to_be_present_in_element,
)
from selenium.webdriver.support.wait import WebDriverWait

from .target import Target


@dataclass(frozen=True)
class Seen:
    """What the browser showed."""

    seconds: float
    titles: list[str]


def _start(target: Target, profile: str) -> webdriver.Chrome:
    driver = shutil.which("chromedriver")
    if not driver:
        raise AssertionError("no chromedriver: `apt-get install chromium chromium-driver`")
    options = webdriver.ChromeOptions()
    options.binary_location = shutil.which("chromium") or ""
    for argument in [
        "--headless",
        "--no-sandbox",
        "--disable-gpu",
        "--disable-quic",
        "--no-first-run",
        "--window-size=1100,800",
        "--disable-background-networking",
        "--disable-component-update",
        "--disable-sync",
        f"--user-data-dir={profile}",
    ]:
        options.add_argument(argument)
    if target.connect:
        rules = ",".join(
            f"MAP {urlsplit(target.url(name)).hostname} {target.connect}" for name in ("api", "web")
        )
        options.add_argument(f"--host-resolver-rules={rules}")
        options.add_argument(
            "--ignore-certificate-errors"
        )  # an origin certificate: only Cloudflare trusts its issuer
    return webdriver.Chrome(options=options, service=Service(driver))


def create_issue(target: Target, title: str, screenshot: str | None = None) -> Seen:
    """Loads the page, logs in as the administrator, creates an issue and reads the list."""
    started = time.monotonic()
    with tempfile.TemporaryDirectory() as profile:
        browser = _start(target, profile)
        try:
            browser.set_page_load_timeout(30)
            browser.get(target.url("web"))
            wait = WebDriverWait(browser, 20)
            wait.until(presence_of_element_located((By.NAME, "email"))).send_keys(
                target.outputs["admin_email"]
            )
            browser.find_element(By.NAME, "password").send_keys(target.outputs["admin_password"])
            browser.find_element(By.CSS_SELECTOR, "form button").click()
            wait.until(presence_of_element_located((By.NAME, "title"))).send_keys(title)
            browser.find_element(By.CSS_SELECTOR, "form.row button").click()
            wait.until(text_to_be_present_in_element((By.CSS_SELECTOR, "ul"), title))
            if screenshot:
                browser.save_screenshot(screenshot)
            titles = [element.text for element in browser.find_elements(By.CSS_SELECTOR, "li .title")]
        finally:
            browser.quit()
    return Seen(time.monotonic() - started, titles)
