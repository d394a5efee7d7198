"""The page in headless Chromium, opened from a file: what it draws is the models' attention."""

import shutil

import numpy as np
import pytest
import torch

from experiments.report import sections
from experiments.report.explorer import explorer_of
from experiments.report.markup import element
from experiments.report.page import page
from study.data import open_images
from tests.experiments.report._pages import attention, two_models

NAMES = ("astronaut.png", "brick.png")
CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome", "chrome"))), None)
DRIVER = shutil.which("chromedriver")
OPTIONS = (
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--force-device-scale-factor=1",
)
LEVELS = """
const palette = Uint8Array.from(atob(data.palette), (letter) => letter.charCodeAt(0));
const colour = (bytes, at) => String(bytes.slice(at, at + 3));
const level = new Map(Array.from({length: 256}, (_, level) => [colour(palette, 3 * level), level]));
const panel = document.querySelector(`[aria-label="${arguments[0]}"]`);
return [...panel.querySelectorAll(".map canvas")].map((canvas) => {
  const pixels = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height).data;
  return Array.from({length: canvas.width * canvas.height}, (_, at) => level.get(colour(pixels, 4 * at)));
});
"""
"""Levels of 255 that each canvas of a model shows: the mean over heads first, then the heads."""


@pytest.fixture(scope="module")
def models():
    return two_models()


@pytest.fixture(scope="module")
def photographs():
    images = open_images("sample", limit=None)
    return {name: images[images.names.index(name)] for name in NAMES}


@pytest.fixture(scope="module")
def file(models, photographs, tmp_path_factory):
    explorer = explorer_of(models, photographs, device=torch.device("cpu"), limit=10**7)
    wide = element("figure", element("button", "x" * 300, class_="zoom", type="button"))
    body = element("body", element("main", sections.explorer(explorer.remarks), wide))
    path = tmp_path_factory.mktemp("page") / "report with spaces.html"
    path.write_text(page("a page", body, explorer.data), encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def browser():
    selenium = pytest.importorskip("selenium.webdriver", reason="selenium is not installed: the page is not tried")
    if CHROMIUM is None or DRIVER is None:
        pytest.skip("there is no chromium with chromedriver here: the page is not tried in a browser")
    options = selenium.ChromeOptions()
    options.binary_location = CHROMIUM
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    for option in OPTIONS:
        options.add_argument(option)
    driver = selenium.Chrome(options=options, service=selenium.ChromeService(DRIVER))
    yield driver
    driver.quit()


@pytest.fixture
def opened(browser, file):
    """The page at its start, on a desktop; nothing was complained about at the end."""
    sized(browser, 1200)
    browser.get(file.as_uri())
    wait(browser, "mini-simmim", "query", 1 + 4 * 8 + 4)
    yield browser
    assert [entry for entry in browser.get_log("browser") if entry["level"] != "INFO"] == []


def sized(browser, width, **media):
    screen = {"width": width, "height": 800, "deviceScaleFactor": 1, "mobile": width < 500}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", screen)
    features = [{"name": name.replace("_", "-"), "value": value} for name, value in media.items()]
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": features})


def wait(browser, model, field, value):
    from selenium.webdriver.support.ui import WebDriverWait

    script = "return document.querySelector(`[aria-label='${arguments[0]}']`).dataset[arguments[1]]"
    WebDriverWait(browser, 10, 0.02).until(
        lambda driver: driver.execute_script(script, model, field) == str(value),
        f"{model}: {field} was not {value}",
    )


def at(browser, model, down, right, *, kind=".picker", pointer="mouse"):
    """Pointer actions that stand at a place of a model's picture, given as shares of its sides."""
    from selenium.webdriver import ActionChains
    from selenium.webdriver.common.actions.pointer_input import PointerInput

    frame = browser.find_element("css selector", f'[aria-label="{model}"] {kind}')
    browser.execute_script("arguments[0].scrollIntoView({block: 'center'})", frame)
    size = frame.size
    devices = [PointerInput(pointer, pointer)]
    return ActionChains(browser, duration=0, devices=devices).move_to_element_with_offset(
        frame, (right - 0.5) * size["width"], (down - 0.5) * size["height"]
    )


def press(browser, model, *keys):
    from selenium.webdriver.common.keys import Keys

    picker = browser.find_element("css selector", f'[aria-label="{model}"] .picker')
    for key in keys:
        picker.send_keys(getattr(Keys, key))


def choose(browser, selector, change):
    script = f"const input = document.querySelector(arguments[0]); {change}"
    browser.execute_script(script, selector)


def assert_drawn(browser, name, maps):
    """The canvases show these maps (head patch), each over its largest value, and their mean."""
    drawn = np.array(browser.execute_script(LEVELS, name), dtype=float)
    mean, heads = drawn[0], drawn[1:]
    expected = 255 * maps / maps.max(-1, keepdims=True)
    assert heads.shape == maps.shape
    assert np.abs(heads - expected).max() <= 0.5 + 1e-3  # the nearest of 256 levels
    lost = 255 * (maps.max(-1) / 510).mean() / maps.mean(0).max()  # by the 8 bits of the heads
    assert np.abs(mean - 255 * maps.mean(0) / maps.mean(0).max()).max() <= 0.5 + 2 * lost + 1e-3


def test_click_shows_the_attention_of_that_patch(opened, models, photographs):
    at(opened, "mini-simmim", 2.5 / 8, 6.5 / 8).click().perform()
    wait(opened, "mini-simmim", "query", 1 + 2 * 8 + 6)
    maps = attention(models["mini-simmim"], photographs["astronaut.png"], 6)
    assert_drawn(opened, "mini-simmim", maps[:, 1 + 2 * 8 + 6])
    assert "row 2, column 6 of 8 × 8" in opened.find_element("id", "said").text


def test_the_other_model_is_asked_at_the_same_place(opened, models, photographs):
    at(opened, "mini-simmim", 6.5 / 8, 1.5 / 8).click().perform()
    wait(opened, "wide", "query", 3 * 6 + 1)
    wait(opened, "wide", "depth", 2)
    assert_drawn(opened, "wide", attention(models["wide"], photographs["astronaut.png"], 2)[:, 3 * 6 + 1])
    at(opened, "wide", 0.1, 0.9, kind=".heads .frame").click().perform()
    wait(opened, "mini-simmim", "query", 1 + 7)


def test_image_and_depth(opened, models, photographs):
    opened.find_elements("css selector", ".thumbnail")[1].click()
    choose(opened, "#depth", "input.value = 1; input.dispatchEvent(new Event('input'))")
    wait(opened, "mini-simmim", "depth", 2)
    maps = attention(models["mini-simmim"], photographs["brick.png"], 2)
    assert_drawn(opened, "mini-simmim", maps[:, 1 + 4 * 8 + 4])
    assert "brick.png" in opened.find_element("css selector", ".picker").get_attribute("aria-label")


def test_class_token(opened, models, photographs):
    opened.find_element("id", "class-token").click()
    wait(opened, "mini-simmim", "query", 0)
    assert_drawn(opened, "mini-simmim", attention(models["mini-simmim"], photographs["astronaut.png"], 6)[:, 0])
    assert "wide has no class token" in opened.find_element("id", "said").text
    assert not any(one.is_displayed() for one in opened.find_elements("css selector", '[aria-label="wide"] canvas'))
    at(opened, "mini-simmim", 0.01, 0.01).click().perform()
    wait(opened, "mini-simmim", "query", 1)
    assert not opened.find_element("id", "class-token").is_selected()


def test_pointing_shows_for_a_while_what_clicking_keeps(opened):
    at(opened, "mini-simmim", 0.5 / 8, 1.5 / 8).perform()
    wait(opened, "mini-simmim", "query", 1 + 1)
    at(opened, "mini-simmim", 0.5, 0.5, kind="h3").perform()
    wait(opened, "mini-simmim", "query", 1 + 4 * 8 + 4)


def test_keys_move_the_query_by_one_patch(opened):
    at(opened, "mini-simmim", 0.5, 0.5, kind="h3").perform()
    press(opened, "mini-simmim", "ARROW_UP", "ARROW_LEFT", "ARROW_LEFT")
    wait(opened, "mini-simmim", "query", 1 + 3 * 8 + 2)
    press(opened, "mini-simmim", "ARROW_DOWN", "ARROW_RIGHT", "END", "ARROW_RIGHT", "PAGE_UP", "ARROW_UP")
    wait(opened, "mini-simmim", "query", 1 + 7)
    press(opened, "wide", "HOME", "ARROW_DOWN")
    wait(opened, "wide", "query", 6)
    wait(opened, "mini-simmim", "query", 1 + 3 * 8)


def test_everything_is_reached_by_the_tab_key(opened):
    from selenium.webdriver import ActionChains
    from selenium.webdriver.common.keys import Keys

    script = "const e = document.activeElement; return e.className || e.id || e.name || e.tagName.toLowerCase()"
    focused = []
    for _ in range(9):
        ActionChains(opened).send_keys(Keys.TAB).perform()
        focused.append(opened.execute_script(script))
        width = "return getComputedStyle(document.activeElement).outlineWidth"
        assert focused[-1] in {"image", "body"} or opened.execute_script(width) == "3px"
    assert focused == [
        "image",
        "depth",
        "class-token",
        "input",
        "input",
        "frame picker",
        "frame picker",
        "summary",
        "zoom",
    ]


def test_models_can_be_hidden(opened):
    choose(opened, "#controls fieldset:nth-of-type(4) label:nth-of-type(2) input", "input.click()")
    from selenium.webdriver.support.ui import WebDriverWait

    panel = opened.find_element("css selector", '[aria-label="wide"]')
    WebDriverWait(opened, 10).until(lambda _: not panel.is_displayed())
    assert opened.find_element("css selector", '[aria-label="mini-simmim"]').is_displayed()


@pytest.mark.parametrize("width", [320, 375, 768, 1200])
def test_no_width_needs_scrolling_sideways(opened, file, width):
    sized(opened, width)
    opened.get(file.as_uri())
    wait(opened, "mini-simmim", "query", 1 + 4 * 8 + 4)
    assert opened.execute_script("return innerWidth") == width
    assert opened.execute_script("return document.documentElement.scrollWidth") <= width


@pytest.mark.parametrize("width", [320, 375, 768])
def test_words_below_a_head_stay_below_it(opened, width):
    sized(opened, width)
    script = """
    const words = [...document.querySelectorAll(".heads .top")].filter((one) => one.offsetParent);
    for (const one of words) one.textContent = "max 0.0052";
    return words.map((one) => one.getBoundingClientRect().right - one.closest("figure").getBoundingClientRect().right);
    """
    over = opened.execute_script(script)
    assert len(over) == 6 and max(over) < 0.5


def test_a_finger_on_a_phone(opened, file):
    sized(opened, 375)
    opened.get(file.as_uri())
    wait(opened, "mini-simmim", "query", 1 + 4 * 8 + 4)
    at(opened, "mini-simmim", 0.5 / 8, 7.5 / 8, pointer="touch").click().perform()
    wait(opened, "mini-simmim", "query", 1 + 7)


def test_nothing_is_asked_of_a_network(opened):
    names = opened.execute_script("return performance.getEntriesByType('resource').map((entry) => entry.name)")
    assert opened.current_url.startswith("file:") and [name for name in names if not name.startswith("data:")] == []


def test_dark_and_light(opened, file):
    papers = []
    for scheme in ("light", "dark"):
        sized(opened, 1200, prefers_color_scheme=scheme)
        colour = opened.execute_script("return getComputedStyle(document.body).backgroundColor")
        papers.append(int(colour.split("(")[1].split(",")[0]))
    assert papers[0] > 200 > 60 > papers[1]
