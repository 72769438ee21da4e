// Python in a worker, loaded when a reader first presses Run. A page opened from disk may fetch
// nothing, so that the worker is made of text and everything it needs comes as a classic script:
// each adds a file, compressed and in base64, to `bookFiles`. Without such files of its own, the
// interpreter comes from its public address.
window.bookKernel = (() => {
  "use strict";

  // What runs in the worker; it sees nothing of the page.
  function worker() {
    const NOWHERE = "https://embedded.invalid/"; // an address that nothing is asked from
    const decode = (text) => {
      const raw = atob(text);
      const bytes = new Uint8Array(raw.length);
      for (let i = 0; i < raw.length; i += 1) bytes[i] = raw.charCodeAt(i);
      const plain = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
      return new Response(plain).arrayBuffer();
    };
    const serve = (files) => {
      self.fetch = async (asked) => {
        const name = String(asked.url ?? asked).split("/").pop();
        if (!(name in files)) throw new TypeError(`${name} is not among the files of this book`);
        const type = name.endsWith(".wasm") ? "application/wasm" : "application/octet-stream";
        return new Response(files[name], { headers: { "Content-Type": type } });
      };
      for (const name of ["pyodide.js", "pyodide.asm.js"]) {
        importScripts(URL.createObjectURL(new Blob([files[name]], { type: "text/javascript" })));
      }
    };
    let kernel;
    const start = async ({ packed, address, interrupt }) => {
      const files = {};
      for (const name of Object.keys(packed)) files[name] = await decode(packed[name]);
      const embedded = "pyodide.asm.wasm" in files;
      if (embedded) serve(files);
      else {
        try {
          importScripts(`${address}pyodide.js`);
        } catch {
          throw new Error(`${address}pyodide.js could not be fetched, perhaps for want of a network`);
        }
      }
      const pyodide = await self.loadPyodide({
        indexURL: embedded ? NOWHERE : address, env: { MPLBACKEND: "agg" } });
      if (interrupt) pyodide.setInterruptBuffer(interrupt);
      await pyodide.loadPackage(["numpy", "matplotlib"], { messageCallback: () => {} });
      const place = pyodide.runPython("import sysconfig; sysconfig.get_path('purelib')");
      pyodide.unpackArchive(files["houses.zip"], "zip", { extractDir: place });
      kernel = pyodide.pyimport("book.page_kernel");
      kernel.prepare();
    };
    const emit = (kind, text) => self.postMessage({ kind, text });
    self.onmessage = async ({ data }) => {
      try {
        if (data.start) await start(data.start);
        const found = data.start ? true
          : data.label ? kernel.judge(data.label, data.source, emit) : kernel.run(data.source, emit);
        self.postMessage({ kind: "end", found });
      } catch (error) {
        self.postMessage({ kind: "broken", text: String(error.message ?? error) });
      }
    };
  }

  const loaded = new Set();
  const load = (source) => loaded.has(source) || new Promise((resolve, reject) => {
    const script = document.createElement("script");
    script.src = source;
    script.onload = () => { loaded.add(source); resolve(); };
    script.onerror = () => reject(new Error(`${source} could not be loaded`));
    document.head.append(script);
  });

  let current = null; // the worker, what waits for its answer, and the buffer that interrupts it
  const ask = (message, emit) => new Promise((resolve, reject) => {
    const mine = current;
    mine.reject = reject;
    mine.worker.onmessage = ({ data }) => {
      if (data.kind === "end") resolve(data.found);
      else if (data.kind === "broken") reject(new Error(data.text));
      else emit(data.kind, data.text);
    };
    mine.worker.onerror = (event) => reject(new Error(event.message));
    mine.worker.postMessage(message);
  });

  const start = async ({ scripts, address }) => {
    if (current) return;
    for (const script of scripts) await load(script);
    const text = new Blob([`(${worker})()`], { type: "text/javascript" });
    // Memory that both sides see exists only where a server sends the headers for it.
    const interrupt = window.crossOriginIsolated ? new Uint8Array(new SharedArrayBuffer(1)) : null;
    current = { worker: new Worker(URL.createObjectURL(text)), interrupt };
    try {
      await ask({ start: { packed: window.bookFiles, address, interrupt } }, () => {});
    } catch (error) {
      end();
      throw error;
    }
  };

  const end = () => {
    current?.worker.terminate();
    current = null;
  };

  // Interrupt the cell and keep what was defined, where that is possible; else, and at a second
  // time, end the worker. Says whether that was done; null while there is none yet.
  const stop = () => {
    if (!current) return null;
    if (current.interrupt && !current.interrupted) {
      current.interrupted = true;
      current.interrupt[0] = 2; // SIGINT
      return false;
    }
    const { reject } = current;
    end();
    reject?.(Object.assign(new Error("stopped"), { stopped: true }));
    return true;
  };

  const run = async (message, emit) => {
    current.interrupted = false;
    try {
      return await ask(message, emit);
    } catch (error) {
      end(); // what broke it may have broken all
      throw error;
    }
  };

  return { start, run, stop };
})();
