"""Headless Chromium for tests, and what it tells of a page."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager

from playwright.sync_api import Browser, sync_playwright

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser"))), None)


@contextmanager
def launched() -> Iterator[Browser]:
    """A browser, closed afterwards."""
    # Chromium's sandbox does not work for root, which is whom CI runs as.
    arguments = ["--no-sandbox"] if os.geteuid() == 0 else []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=arguments)
        yield browser
        browser.close()


# Every element with text of its own: its color against the nearest background behind it.
POOR = """() => {
  const parts = color => color.match(/[\\d.]+/g).map(Number);
  const channel = v => { v /= 255; return v <= .03928 ? v / 12.92 : ((v + .055) / 1.055) ** 2.4 };
  const light = ([r, g, b]) => .2126 * channel(r) + .7152 * channel(g) + .0722 * channel(b);
  const behind = element => {
    for (let one = element; one; one = one.parentElement) {
      const found = parts(getComputedStyle(one).backgroundColor);
      if (found.length < 4 || found[3] > 0) return found;
    }
    return [255, 255, 255];
  };
  return [...document.body.querySelectorAll('*')]
    .filter(one => [...one.childNodes].some(n => n.nodeType === 3 && n.textContent.trim()))
    .map(one => {
      const [a, b] = [light(parts(getComputedStyle(one).color)), light(behind(one))];
      const ratio = (Math.max(a, b) + .05) / (Math.min(a, b) + .05);
      return [one.tagName + ' ' + one.textContent.slice(0, 40), Math.round(ratio * 100) / 100];
    })
    .filter(([, ratio]) => ratio < 4.5);
}"""
