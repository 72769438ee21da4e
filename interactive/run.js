// Cells that run in the page. Until a reader presses Run, only these buttons are there.
document.addEventListener("DOMContentLoaded", () => {
  "use strict";
  const store = document.querySelector("script.page-python");
  if (!store) return;
  const settings = JSON.parse(store.textContent);

  const html = (tag, attributes, ...children) => {
    const element = document.createElement(tag);
    for (const [name, value] of Object.entries(attributes ?? {})) {
      if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
      else element.setAttribute(name, value);
    }
    element.append(...children);
    return element;
  };
  const button = (text, name, press) => html("button",
    { type: "button", "aria-label": `${text} ${name}`, onclick: press }, text);

  let script = null;
  const start = async () => {
    script ??= new Promise((resolve, reject) => {
      const failed = () => { script = null; reject(new Error("a file of this book is missing")); };
      document.head.append(html("script", { src: settings.kernel, onload: resolve, onerror: failed }));
    });
    await script;
    await window.bookKernel.start(settings);
  };

  let busy = false;
  let life = 0; // so many times Python was begun anew, and all names with it
  const cells = [];

  // Where a cell writes; `draw` takes the pictures.
  const writer = (place, draw) => {
    const add = {
      text: (text) => {
        if (!place.lastElementChild?.matches(".run-text")) {
          place.append(html("pre", { class: "run-text", tabindex: "0" }));
        }
        place.lastElementChild.append(text);
      },
      image: (data) => draw(`data:image/png;base64,${data}`),
      error: (line) => place.append(html("p", { class: "run-error", role: "alert" }, line)),
      trace: (text) => place.append(html("details", {}, html("summary", {}, "Where it happened"),
        html("pre", { tabindex: "0" }, text))),
    };
    return (kind, text) => add[kind](text);
  };
  const append = (place) => (src) => place.append(html("img", { src, alt: "Figure drawn by this code" }));

  const editor = (source, name, press) => {
    const area = html("textarea", { class: "run-code", spellcheck: "false", autocapitalize: "off",
      autocomplete: "off", "aria-label": name });
    const fit = () => { area.rows = Math.max(4, area.value.split("\n").length + 1); };
    area.value = source;
    area.addEventListener("input", fit);
    area.addEventListener("keydown", (event) => {
      if (event.key !== "Enter") return;
      event.preventDefault();
      if (event.shiftKey) { press(); return; }
      const line = area.value.slice(0, area.selectionStart).split("\n").pop();
      const deeper = /:\s*$/.test(line) ? "    " : "";
      document.execCommand("insertText", false, `\n${/^ */.exec(line)[0]}${deeper}`); // can be undone
    });
    fit();
    return area;
  };

  // Buttons and status of one place; `work(say)` runs what stands there.
  const bar = (name, work, ...others) => {
    const status = html("span", { class: "run-status", role: "status" });
    const say = (text) => { status.textContent = text; };
    const stop = button("Stop", name, () => {
      const ended = window.bookKernel?.stop();
      if (ended === false) say("Stopping … press again to end Python.");
      else if (!ended) say("Python is not there yet: press again in a moment.");
    });
    stop.hidden = true;
    const press = async () => {
      if (busy) { say("Another cell is running."); return; }
      busy = true;
      stop.hidden = false;
      say(settings.size);
      try {
        await start();
        await work(say);
      } catch (error) {
        life += 1;
        say(error.stopped ? "Stopped. What the cells had defined is lost; Run begins anew."
          : `Python could not be run: ${error.message}.`);
      }
      busy = false;
      stop.hidden = true;
    };
    return [html("div", { class: "run-bar" }, button("Run", name, press), stop, ...others, status), press];
  };

  // The cells of the chapter.
  const prepare = (element, number) => {
    const name = `cell ${number + 1}`;
    const input = element.querySelector(".cell_input");
    const shown = input.querySelector("pre").parentElement;
    const source = shown.querySelector("pre").textContent;
    if (settings.lacks[number]) {
      input.append(html("p", { class: "run-bar" },
        `This cell needs ${settings.lacks[number]}, which this page does not load.`));
      return {};
    }
    // The stored figure keeps its place, number and caption; its picture is exchanged.
    const stored = [...element.querySelectorAll(".cell_output > *")];
    const pictures = [...element.querySelectorAll(".cell_output img")].map((img) => [img, img.src, img.alt]);
    const words = stored.filter((child) => !child.matches("img") && !child.querySelector("img"));
    const output = html("div", { class: "run-output" });
    input.after(output);
    let area = null;
    const cell = { life: -1 };
    cell.run = async (shows) => {
      const fresh = html("div");
      let drawn = 0;
      const show = () => {
        output.replaceChildren(fresh);
        for (const child of words) child.hidden = true;
        for (const [img] of pictures.slice(drawn)) img.hidden = true;
      };
      const draw = (src) => {
        const [img, , alt] = pictures[drawn] ?? [];
        drawn += 1;
        if (!shows) return;
        if (!img) { append(fresh)(src); return; }
        Object.assign(img, { loading: "eager", src, hidden: false, alt: area ? "Figure drawn by this code" : alt });
      };
      if (shows) show();
      cell.life = life;
      const good = await window.bookKernel.run({ source: area?.value ?? source }, writer(fresh, draw));
      if (!good) { cell.life = -1; show(); } // a cell above shows only what is wrong with it
      return good;
    };
    const work = async (say) => {
      const above = cells.slice(0, number).filter((one) => one.run && one.life !== life);
      let failed = 0;
      for (const [i, one] of above.entries()) {
        say(`Running the cells above: ${i + 1} of ${above.length} …`);
        if (!(await one.run(false))) failed += 1;
      }
      say("Running …");
      const good = await cell.run(true);
      say((good ? "Done." : "Ended with an error.") + (failed ? ` Cells above that failed: ${failed}.` : ""));
    };
    const edit = button("Edit", name, () => {
      area = editor(source, `Code of ${name}`, press);
      shown.hidden = edit.hidden = true;
      reset.hidden = false;
      shown.after(area);
      area.focus();
    });
    const reset = button("Original", name, () => {
      area.remove();
      area = null;
      output.replaceChildren();
      for (const child of words) child.hidden = false;
      for (const [img, src, alt] of pictures) Object.assign(img, { src, alt, hidden: false });
      shown.hidden = edit.hidden = false;
      reset.hidden = true;
      cell.life = -1;
      edit.focus();
    });
    reset.hidden = true;
    const [line, press] = bar(name, work, edit, reset);
    input.append(line);
    return cell;
  };
  if (settings.cells) {
    for (const pre of document.querySelectorAll(".bd-article .cell .cell_input")) {
      cells.push(prepare(pre.closest(".cell"), cells.length));
    }
  }

  // Exercises that are answered by code.
  for (const field of document.querySelectorAll(".answer-code[data-answer]")) {
    const key = field.dataset.answer;
    const label = key.replace(/-\d+$/, "");
    const output = html("div", { class: "run-output" });
    const [line, press] = bar("your answer", async (say) => {
      say("Running …");
      output.replaceChildren();
      const right = await window.bookKernel.run({ label, source: area.value },
        writer(output, append(output)));
      if (typeof right === "boolean") window.bookProgress?.note(key, right);
      say(right === true ? "✓ Right." : right === false ? "✗ Not right yet." : "There is no verdict.");
    });
    const area = editor("", "Your code", () => press());
    field.append(area, line, output);
  }
});
