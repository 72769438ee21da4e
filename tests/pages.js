// The checks of tests/pages.py that run inside the page. Each returns a list of sentences.
window.checks = (() => {
  const visible = (element) => element.checkVisibility({ visibilityProperty: true });

  // Nothing folded may hide a fault.
  const unfold = () => {
    document.querySelectorAll(".toggle-hidden").forEach((e) => e.classList.remove("toggle-hidden"));
    document.querySelectorAll("details").forEach((e) => (e.open = true));
  };

  const textNodes = (root, skip) => {
    const walker = document.createTreeWalker(root, NodeFilter.SHOW_TEXT);
    const found = [];
    while (walker.nextNode()) {
      const node = walker.currentNode;
      if (node.data.trim() && !node.parentElement.closest(skip)) found.push(node);
    }
    return found;
  };

  const quote = (text) => `"${text.trim().replace(/\s+/g, " ").slice(0, 60)}"`;

  const formulas = () => {
    const faults = [];
    for (const node of textNodes(document.body, "script, style, code, pre, mjx-container")) {
      if (/\\\(|\\\[|\$\$|\\begin\{/.test(node.data)) faults.push(`raw formula: ${quote(node.data)}`);
    }
    for (const math of document.querySelectorAll(".math")) {
      const boxes = [...math.querySelectorAll("mjx-container")].map((e) => e.getBoundingClientRect());
      if (!boxes.length || boxes.some((box) => box.width < 1 || box.height < 1)) {
        faults.push(`formula not rendered: ${quote(math.textContent)}`);
      }
    }
    for (const error of document.querySelectorAll("mjx-merror, mjx-mtext[style*='color: red']")) {
      faults.push(`formula with an error: ${quote(error.closest(".math")?.textContent ?? "")}`);
    }
    return faults;
  };

  const images = async () => {
    const faults = [];
    for (const image of document.images) {
      image.loading = "eager";
      await image.decode().catch(() => faults.push(`image not loaded: ${image.src}`));
      const alt = image.getAttribute("alt");
      if (alt === null || /\.(png|svg|jpe?g|gif|webp)$/i.test(alt)) {
        faults.push(`image without a text: ${image.src}`);
      } else if (image.closest("article") && alt.split(/\s+/).length < 4) {
        faults.push(`image with a text that says nothing, ${quote(alt)}: ${image.src}`);
      }
    }
    return faults;
  };

  const content = async () => {
    unfold();
    const still = document.createElement("style"); // a colour on its way is no colour of the page
    still.textContent = "* { transition: none !important; }";
    document.head.append(still);
    await document.fonts.ready;
    await window.MathJax?.startup?.promise;
    await window.bookFormulas?.all(); // those far from the view are set when one comes near
    const headings = [...document.querySelectorAll("h1")].filter(visible).length;
    const faults = headings === 1 ? [] : [`${headings} headings of the first level`];
    return [...faults, ...formulas(), ...(await images())];
  };

  // A colour as numbers, whatever the notation in which the browser reports it.
  const canvas = document.createElement("canvas");
  const brush = canvas.getContext("2d", { willReadFrequently: true });
  const known = new Map();
  const rgba = (colour) => {
    if (!known.has(colour)) {
      brush.clearRect(0, 0, 1, 1);
      brush.fillStyle = colour;
      brush.fillRect(0, 0, 1, 1);
      const [r, g, b, a] = brush.getImageData(0, 0, 1, 1).data;
      known.set(colour, [r, g, b, a / 255]);
    }
    return known.get(colour);
  };

  const over = (top, ground) =>
    [0, 1, 2].map((i) => top[3] * top[i] + (1 - top[3]) * ground[i]);

  const ground = (element) => {
    const layers = [];
    for (let e = element; e; e = e.parentElement) layers.push(rgba(getComputedStyle(e).backgroundColor));
    return layers.reduceRight((below, layer) => over(layer, below), [255, 255, 255]);
  };

  // Relative luminance and contrast ratio of WCAG 2.
  const luminance = (colour) => {
    const [r, g, b] = colour.map((c) => {
      const s = c / 255;
      return s <= 0.04045 ? s / 12.92 : ((s + 0.055) / 1.055) ** 2.4;
    });
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };

  const ratio = (one, other) => {
    const [low, high] = [luminance(one), luminance(other)].sort((a, b) => a - b);
    return (high + 0.05) / (low + 0.05);
  };

  const contrast = (theme) => {
    unfold();
    document.documentElement.dataset.theme = theme;
    const faults = new Map();
    for (const node of textNodes(document.body, "script, style, noscript, mjx-container, svg")) {
      const element = node.parentElement;
      const box = element.getBoundingClientRect();
      if (!visible(element) || box.width < 2 || box.height < 2) continue;
      const style = getComputedStyle(element);
      const size = parseFloat(style.fontSize);
      const large = size >= 24 || (size >= 18.66 && style.fontWeight >= 700);
      const behind = ground(element);
      const found = ratio(over(rgba(style.color), behind), behind);
      if (found < (large ? 3 : 4.5)) {
        const key = `${style.color} on ${behind.map(Math.round)}`;
        faults.set(key, `contrast ${found.toFixed(2)} in ${theme}, ${key}: ${quote(node.data)}`);
      }
    }
    return [...faults.values()];
  };

  const width = () => {
    unfold();
    const { scrollWidth, clientWidth } = document.documentElement;
    if (scrollWidth <= clientWidth) return [];
    const clipped = (e) => {
      for (let p = e.parentElement; p && p !== document.body; p = p.parentElement) {
        if (getComputedStyle(p).overflowX !== "visible") return true;
      }
      return false;
    };
    const wide = [...document.body.querySelectorAll("*")].filter(
      (e) => visible(e) && e.getBoundingClientRect().right > clientWidth + 1 && !clipped(e),
    );
    const texts = wide.filter((e) => !e.children.length).map((e) => quote(e.textContent));
    return [`${scrollWidth} px wide on a screen of ${clientWidth} px: ${texts.slice(0, 3).join(", ")}`];
  };

  return { content, contrast, width };
})();
