// Counts down, rests while nobody looks, and says when a page is no longer up to date.
"use strict";
(() => {
  const words = seconds => {
    if (seconds <= 0) return "over";
    const parts = [
      [Math.floor(seconds / 86400), "d"], [Math.floor(seconds / 3600) % 24, "h"],
      [Math.floor(seconds / 60) % 60, "min"], [Math.floor(seconds) % 60, "s"],
    ];
    const first = Math.max(0, parts.findIndex(([count]) => count > 0));
    return parts.slice(first, first + 2).filter(([count]) => count)
      .map(([count, unit]) => `${count} ${unit}`).join(" ") || "0 s";
  };
  const count = () => {
    for (const one of document.querySelectorAll("[data-until]")) {
      const left = words((Date.parse(one.dataset.until) - Date.now()) / 1000);
      if (one.textContent !== left) one.textContent = left;
    }
  };
  setInterval(count, 1000);

  const stale = document.getElementById("stale");
  const say = words => { stale.textContent = words; stale.hidden = !words; };
  const polls = event => !event.detail.requestConfig?.triggeringEvent;
  document.body.addEventListener("htmx:beforeRequest", event => {
    if (document.hidden && polls(event)) event.preventDefault();
  });
  document.addEventListener("visibilitychange", () => {
    if (document.hidden) return;
    for (const one of document.querySelectorAll("[hx-trigger$=looked-at]")) {
      htmx.trigger(one, "looked-at");
    }
  });
  document.body.addEventListener("htmx:afterRequest", event => {
    if (event.detail.successful) say("");
  });
  document.body.addEventListener("htmx:sendError", () =>
    say("This page is not up to date: the console does not answer. Was it stopped?"));
  document.body.addEventListener("htmx:responseError", event => {
    const page = new DOMParser().parseFromString(event.detail.xhr.responseText, "text/html");
    const why = page.querySelector("[role=alert].note:not([hidden])")?.textContent
      ?? event.detail.xhr.responseText;
    say(`This page is not up to date: ${why}`);
  });
})();
