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
  const button = (text, press) => html("button", { type: "button", onclick: press }, text);

  let kernel = null;
  const start = async () => {
    kernel ??= new Promise((resolve, reject) => {
      document.head.append(html("script", { src: settings.kernel, onload: resolve,
        onerror: () => { kernel = null; reject(new Error(`${settings.kernel} could not be loaded`)); } }));
    });
    await kernel;
    await window.bookKernel.start(settings);
  };

  let busy = false;
  let ran = 0; // so many times Python was begun anew
  const cells = [];

  // ---- What a cell writes ------------------------------------------------------------------------
  const writer = (place, alt) => {
    const add = {
      text: (text) => {
        let last = place.lastElementChild;
        if (!last?.matches(".run-text")) {
          last = html("pre", { class: "run-text", tabindex: "0" });
          place.append(last);
        }
        last.append(text);
      },
      image: (data) => place.append(html("img", { src: `data:image/png;base64,${data}`, alt })),
      error: (line) => place.append(html("p", { class: "run-error", role: "alert" }, line)),
      trace: (text) => place.append(html("details", {}, html("summary", {}, "Where it happened"),
        html("pre", { tabindex: "0" }, text))),
    };
    return (kind, text) => add[kind](text);
  };

  // ---- A place to write code and run it ------------------------------------------------------------
  const editor = (source, name) => {
    const area = html("textarea", { class: "run-code", spellcheck: "false", autocapitalize: "off",
      autocomplete: "off", "aria-label": name });
    area.value = source;
    const fit = () => { area.rows = area.value.split("\n").length + 1; };
    area.addEventListener("input", fit);
    area.addEventListener("keydown", (event) => {
      if (event.key !== "Enter" || event.shiftKey) return;
      const line = area.value.slice(0, area.selectionStart).split("\n").pop();
      const indent = `${/^ */.exec(line)[0]}${/:\s*$/.test(line) ? "    " : ""}`;
      event.preventDefault();
      area.setRangeText(`\n${indent}`, area.selectionStart, area.selectionEnd, "end");
      fit();
    });
    fit();
    return area;
  };

  // Buttons, status and Shift+Enter for one place; `work(say)` runs it.
  const bar = (work, ...others) => {
    const status = html("span", { class: "run-status", role: "status" });
    const say = (text) => { status.textContent = text; };
    const stop = button("Stop", () => {
      say(window.bookKernel?.stop() === false ? "Stopping … press again to end Python." : "");
    });
    stop.hidden = true;
    const press = async () => {
      if (busy) { say("Another cell is running."); return; }
      busy = true;
      stop.hidden = false;
      try {
        say(settings.size);
        await start();
        await work(say);
      } catch (error) {
        if (error.stopped) ran += 1;
        say(error.stopped ? "Stopped. What the cells had defined is lost; Run begins anew."
          : `Python could not be run: ${error.message}`);
      }
      busy = false;
      stop.hidden = true;
    };
    return [html("div", { class: "run-bar" }, button("Run", press), stop, ...others, status), press];
  };
  const onShiftEnter = (area, press) => area.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && event.shiftKey) { event.preventDefault(); press(); }
  });

  // ---- The cells of the chapter ---------------------------------------------------------------------
  const prepare = (element, number) => {
    const input = element.querySelector(".cell_input");
    const shown = input.querySelector("pre").parentElement;
    const stored = element.querySelector(":scope > .cell_output, :scope .cell_output");
    const source = shown.querySelector("pre").textContent;
    const cell = { source: () => area?.value ?? source, ran: -1, lacks: settings.lacks[number] };
    let area = null;
    let output = null;
    if (cell.lacks) {
      input.append(html("p", { class: "run-bar" }, `This cell needs ${cell.lacks}, which this page does not load.`));
      return cell;
    }
    const show = (fresh) => {
      output?.remove();
      output = fresh;
      if (stored) stored.hidden = true;
      if (stored) stored.after(fresh);
      else element.append(fresh);
    };
    // What a cell above wrote is shown only if it failed.
    cell.run = async (shows) => {
      const fresh = html("div", { class: "cell_output run-output" });
      const drawn = area?.value === source || !area ? stored?.querySelector("img")?.alt : null;
      if (shows) show(fresh);
      cell.ran = ran;
      const good = await window.bookKernel.run({ source: cell.source() },
        writer(fresh, drawn || "Figure drawn by this cell"));
      if (!good) show(fresh);
      return good;
    };
    const work = async (say) => {
      const above = cells.slice(0, number).filter((one) => one.run && one.ran !== ran);
      let failed = 0;
      for (const [i, one] of above.entries()) {
        say(`Running the cells above: ${i + 1} of ${above.length} …`);
        if (!(await one.run(false))) failed += 1;
      }
      say("Running …");
      const good = await cell.run(true);
      say(`${good ? "Done." : "Ended with an error."}${failed ? ` Cells above that failed: ${failed}.` : ""}`);
    };
    const edit = button("Edit", () => {
      if (!area) {
        area = editor(source, `Code of cell ${number + 1}`);
        onShiftEnter(area, press);
        shown.hidden = true;
        shown.after(area);
      }
      reset.hidden = false;
      edit.hidden = true;
      area.focus();
    });
    const reset = button("Original", () => {
      area.remove();
      area = null;
      output?.remove();
      output = null;
      shown.hidden = false;
      if (stored) stored.hidden = false;
      cell.ran = -1;
      reset.hidden = true;
      edit.hidden = false;
    });
    reset.hidden = true;
    const [line, press] = bar(work, edit, reset);
    input.append(line);
    return cell;
  };
  if (settings.cells) {
    document.querySelectorAll(".bd-article .cell").forEach((element) => {
      if (element.querySelector(".cell_input pre")) cells.push(prepare(element, cells.length));
    });
    document.querySelector(".bd-article h1")?.after(html("p", { class: "run-note" }, settings.note));
  }

  // ---- Exercises that are answered by code ------------------------------------------------------------
  for (const field of document.querySelectorAll(".answer-code[data-answer]")) {
    const key = field.dataset.answer;
    const label = key.replace(/-\d+$/, "");
    const area = editor("", "Your code");
    area.rows = 6;
    const output = html("div", { class: "run-output" });
    const [line, press] = bar(async (say) => {
      say("Running …");
      output.replaceChildren();
      const right = await window.bookKernel.run({ label, source: area.value }, writer(output, "Figure"));
      if (typeof right === "boolean") window.bookProgress?.note(key, right);
      say(right === true ? "Right." : right === false ? "Not right yet." : "There is no verdict.");
    });
    onShiftEnter(area, press);
    field.append(area, line, output);
  }
});
