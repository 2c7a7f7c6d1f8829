"""A real browser: Debian's Chromium by its WebDriver, through Selenium."""

from __future__ import annotations

import base64
import shutil
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
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
            f"MAP {urlsplit(target.url(name)).hostname} {target.connect}" for name in target.outputs["urls"]
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


WIDTH, FAR = 1500, 12000
"""Of the window, in pixels: what is below its end is not loaded."""
TAB = ".vm-predefined-panels-tabs__tab"
HEADING = ".vm-predefined-dashboard > .vm-accordion-header"
SHUT = f"{HEADING}:not(.vm-accordion-header_open)"
"""A heading whose panels are not shown."""
LOADED = """
const panels = [...document.querySelectorAll('.vm-predefined-panel')];
return panels.length > 0 && !document.querySelector('.vm-spinner')
  && panels.every(panel => panel.querySelector('.uplot canvas, .vm-alert'));
"""
COMPLAINTS = """
return [...document.querySelectorAll('.vm-predefined-panel')]
  .filter(panel => !panel.querySelector('.uplot canvas')).map(panel => panel.innerText);
"""
HEIGHT = "return document.querySelector('.vm-predefined-panels').getBoundingClientRect().bottom;"


@dataclass(frozen=True)
class Page:
    """A page of the metrics as the browser showed it. `complaints`: of panels that have no chart."""

    title: str
    picture: Path
    panels: int
    complaints: list[str]


def _opened(browser: webdriver.Chrome) -> bool:
    """Opens what is shut; whether nothing was."""
    shut = browser.find_elements(By.CSS_SELECTOR, SHUT)
    for heading in shut:
        # One of the driver's reaches none so far down.
        browser.execute_script("arguments[0].click()", heading)
    return not shut


def pages(target: Target, folder: Path, kind: str = "webp") -> list[Page]:
    """The pages of the metrics, each as a picture in `folder` (`webp`, `png` or `jpeg`)."""
    user = f"{target.outputs['metrics_user']}:{target.outputs['metrics_password']}"
    found = []
    with tempfile.TemporaryDirectory() as profile:
        browser = _start(target, profile)
        try:
            browser.set_page_load_timeout(30)
            browser.set_window_size(WIDTH, FAR)
            browser.execute_cdp_cmd("Network.enable", {})
            # The password's own dialogue is none that a page has.
            login = {"Authorization": f"Basic {base64.b64encode(user.encode()).decode()}"}
            browser.execute_cdp_cmd("Network.setExtraHTTPHeaders", {"headers": login})
            recent = "g0.range_input=15m&g0.relative_time=last_15_minutes"
            browser.get(f"{target.url('metrics')}/vmui/#/dashboards?{recent}")
            wait = WebDriverWait(browser, 60)
            wait.until(presence_of_element_located((By.CSS_SELECTOR, TAB)))
            for number in range(len(browser.find_elements(By.CSS_SELECTOR, TAB))):
                tab = browser.find_elements(By.CSS_SELECTOR, TAB)[number]
                tab.click()
                wait.until(presence_of_element_located((By.CSS_SELECTOR, HEADING)))
                wait.until(_opened)
                wait.until(lambda driver: driver.execute_script(LOADED))
                time.sleep(1)  # the lines are drawn
                title = tab.get_attribute("textContent")  # what is shown is in capitals
                picture = folder / f"{number + 1}-{title.lower()}.{kind}"
                clip = {"x": 0, "y": 0, "width": WIDTH, "height": browser.execute_script(HEIGHT), "scale": 1}
                how = {"format": kind, "clip": clip, **({"quality": 70} if kind != "png" else {})}
                shot = browser.execute_cdp_cmd("Page.captureScreenshot", how)
                picture.write_bytes(base64.b64decode(shot["data"]))
                panels = len(browser.find_elements(By.CSS_SELECTOR, ".vm-predefined-panel"))
                found.append(Page(title, picture, panels, browser.execute_script(COMPLAINTS)))
        finally:
            browser.quit()
    return found
