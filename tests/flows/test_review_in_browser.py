"""The page of `burnish review` in a real browser: keys pressed, and review.csv read after each."""

import re
import shutil
import subprocess
import sys
import time

import pytest
from review_run import CAT, DOG, HEN, answers, make_run

webdriver = pytest.importorskip("selenium.webdriver")
from selenium.webdriver.chrome.service import Service  # noqa: E402
from selenium.webdriver.common.by import By  # noqa: E402
from selenium.webdriver.common.keys import Keys  # noqa: E402
from selenium.webdriver.support.ui import Select, WebDriverWait  # noqa: E402

CHROMIUM, DRIVER = shutil.which("chromium"), shutil.which("chromedriver")
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not (CHROMIUM and DRIVER), reason="needs chromium and chromedriver (Debian: chromium-driver)"),
]
FLAGS = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync", "--disable-dev-shm-usage",
    "--window-size=1200,900",
)  # fmt: skip


class Tab:
    """The page open in a browser, and the run it judges."""

    def __init__(self, browser, run):
        self.browser = browser
        self.run = run

    def one(self, selector):
        return self.browser.find_element(By.CSS_SELECTOR, selector)

    def idle(self):
        WebDriverWait(self.browser, 30).until(lambda _: self.one("#stage").get_attribute("aria-busy") == "false")

    def press(self, *keys):
        for key in keys:
            self.browser.switch_to.active_element.send_keys(key)
            self.idle()

    @property
    def said(self):
        return answers(self.run)

    @property
    def count(self):
        return self.one("#count").text

    @property
    def shown(self):
        """The id of the example that stands there."""
        return self.one("article").get_attribute("aria-label").removeprefix("Example ")


@pytest.fixture(params=["images", "table"])
def tab(request, tmp_path):
    run = make_run(tmp_path, request.param)
    command = [sys.executable, "-m", "burnish.flows.cli", "review", str(run), "--no-browser"]
    server = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    server.stdout.readline()
    address = server.stdout.readline().strip()
    options = webdriver.ChromeOptions()
    options.binary_location = CHROMIUM
    for flag in (*FLAGS, f"--user-data-dir={tmp_path / 'profile'}"):
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    browser = webdriver.Chrome(options=options, service=Service(DRIVER))
    try:
        browser.get(address)
        opened = Tab(browser, run)
        opened.idle()
        yield opened
        assert [line for line in browser.get_log("browser") if line["level"] in ("SEVERE", "WARNING")] == []
    finally:
        browser.quit()
        server.terminate()
        server.communicate(timeout=30)


def test_keys_one_at_a_time(tab):
    assert "token" not in tab.browser.current_url
    assert (tab.shown, tab.count) == ("=e3", "0 of 6 judged")
    assert tab.one(".verdicts .given bdi").text == DOG and tab.one(".verdicts .suggested bdi").text == CAT
    tab.press("a")
    assert tab.said == {"=e3": ("accept", "")} and (tab.shown, tab.count) == ("e1", "1 of 6 judged")
    tab.press("k")
    assert tab.said["e1"] == ("keep", "") and tab.shown == "e5"
    tab.press("o", "h", "e", Keys.ENTER)
    assert tab.said["e5"] == ("other", HEN) and tab.shown == "e7"
    tab.press("k")
    assert "e7" not in tab.said, "there is no label to keep"
    tab.press("d")
    assert tab.said["e7"] == ("drop", "") and tab.shown == "e9"
    tab.press("s")
    assert tab.said["e9"] == ("skip", "") and tab.count == "4 of 6 judged, 1 skipped"
    tab.press("u")
    assert "e9" not in tab.said and tab.shown == "e9"
    tab.press("u")
    assert "e7" not in tab.said and tab.shown == "e7"
    tab.press(Keys.ARROW_LEFT)
    assert tab.shown == "e5" and tab.one(".answer").text == f"other: {HEN}"
    tab.press("o", Keys.ESCAPE, Keys.ARROW_RIGHT, "a", "d", "k")
    assert tab.count == "6 of 6 judged" and tab.one("#finished").is_displayed()
    assert f"burnish apply {tab.run}" in tab.one("#finished").text


def test_buttons_and_the_grid(tab):
    tab.press("g")
    assert len(tab.browser.find_elements(By.CSS_SELECTOR, ".cards li")) == 6
    tab.press(Keys.ARROW_RIGHT, "k")
    assert tab.said == {"e1": ("keep", "")}
    assert tab.browser.switch_to.active_element.get_attribute("data-index") == "2"
    tab.press("o", DOG, Keys.ENTER)
    assert tab.said["e5"] == ("other", "'-dog")
    tab.press("u", Keys.HOME, Keys.ARROW_DOWN)
    assert "e5" not in tab.said
    tab.press(Keys.ENTER)
    assert tab.one("article").is_displayed() and tab.one("#grid").get_attribute("aria-pressed") == "false"
    tab.one("[data-do=drop]").click()
    tab.idle()
    assert len(tab.said) == 2
    tab.press("?")
    assert tab.one("#help").is_displayed()
    tab.one("#help form button").click()
    assert not tab.one("#help").is_displayed()


def test_choices_and_a_change_from_outside(tab):
    Select(tab.one("#split")).select_by_value("dev")
    tab.idle()
    assert tab.count == "0 of 2 judged here, 0 of 6 in all"
    sheet = (tab.run / "review.csv").read_text()
    time.sleep(0.01)
    lines = sheet.splitlines()
    lines[1] = re.sub(r",,$", ",drop,", lines[1])
    (tab.run / "review.csv").write_text("\n".join(lines) + "\n")
    tab.one("#stage").click()
    tab.browser.execute_script("document.activeElement.blur()")
    tab.one("[data-do=accept]").click()
    tab.idle()
    assert tab.said == {"=e3": ("drop", "")} and "meanwhile" in tab.one("#say").text
    assert tab.one(".answer").text == "dropped" and tab.shown == "=e3"
    errors = tab.browser.get_log("browser")
    assert all("409" in line["message"] for line in errors)
