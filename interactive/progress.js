// What the browser remembers of a reader: which exercises and questions were answered, and whether
// rightly. It stays in this browser; nothing is sent. Where a browser forbids to store, it lasts
// until the page is closed, and the first page says so.
window.bookProgress = (() => {
  "use strict";
  const KEY = "dropout-verified-progress";
  let kept = {};
  let lasting = true;
  try {
    kept = JSON.parse(localStorage.getItem(KEY)) ?? {};
  } catch {
    lasting = false;
  }
  const save = () => {
    try {
      localStorage.setItem(KEY, JSON.stringify(kept));
    } catch {
      lasting = false;
    }
  };
  // An exercise counts as solved once it was; of a question the first choice counts.
  const note = (name, right, first = false) => {
    if (first && name in kept) return;
    kept[name] = Boolean(kept[name]) || Boolean(right);
    save();
  };
  const erase = () => {
    kept = {};
    try {
      localStorage.removeItem(KEY);
    } catch {
      lasting = false;
    }
  };

  const element = (tag, attributes, ...children) => {
    const made = document.createElement(tag);
    for (const [name, value] of Object.entries(attributes)) {
      if (name.startsWith("on")) made.addEventListener(name.slice(2), value);
      else made.setAttribute(name, value);
    }
    made.append(...children);
    return made;
  };

  const show = (host, chapters) => {
    const count = (names) => [names.filter((name) => kept[name]).length, names.length];
    const cell = (names) => {
      const [right, all] = count(names);
      return element("td", {}, all ? `${right} of ${all}` : "–");
    };
    const rows = chapters.map(({ title, href, exercises, questions }) => element("tr", {},
      element("th", { scope: "row" }, element("a", { href }, title)), cell(exercises), cell(questions)));
    const status = element("p", { class: "reader-progress-status", role: "status", "aria-live": "polite" });
    const download = () => {
      const file = URL.createObjectURL(new Blob([JSON.stringify(kept, null, 2)], { type: "application/json" }));
      element("a", { href: file, download: "dropout-verified-progress.json" }).click();
      URL.revokeObjectURL(file);
      status.textContent = "Saved as a file.";
    };
    const forget = () => {
      erase();
      show(host, chapters);
      host.querySelector(".reader-progress-status").textContent = "Erased.";
    };
    host.replaceChildren(
      element("table", {}, element("thead", {}, element("tr", {}, ...["Chapter", "Exercises", "Questions"]
        .map((text) => element("th", { scope: "col" }, text)))), element("tbody", {}, ...rows)),
      element("p", {}, lasting
        ? "Kept in this browser alone; nothing is sent. A browser may keep pages from a disk apart."
        : "This browser does not let the page store anything: it lasts until you close it."),
      element("div", { class: "reader-progress-buttons" },
        element("button", { type: "button", onclick: download }, "Export"),
        element("button", { type: "button", onclick: forget }, "Erase")), status);
  };

  document.addEventListener("DOMContentLoaded", () => {
    const host = document.querySelector(".reader-progress");
    const data = document.querySelector("script.progress-data");
    if (host && data) show(host, JSON.parse(data.textContent));
  });
  return { all: () => ({ ...kept }), note };
})();
