/** Measuring inside the page of JupyterLab; `panel.py` calls what hangs on `bench`. */

window.bench = (() => {
  const PATIENCE = 60_000;
  const tasks = [];
  let latencies = [];

  new PerformanceObserver(list => tasks.push(...list.getEntries().map(entry => entry.duration))).observe({
    type: 'longtask'
  });

  // A key's latency ends with the frame that shows it: a message posted in an animation frame comes after its painting.
  const frames = new MessageChannel();
  const waiting = [];
  frames.port1.onmessage = () => {
    const now = performance.now();
    latencies.push(...waiting.splice(0).map(begin => now - begin));
  };
  document.addEventListener(
    'keydown',
    event => {
      const begin = event.timeStamp;
      requestAnimationFrame(() => {
        waiting.push(begin);
        frames.port2.postMessage(null);
      });
    },
    true
  );

  const notebook = () => jupyterapp.shell.currentWidget;

  return {
    /** Whether the kernel waits and every cell has its editor: JupyterLab makes them when it has nothing else to do. */
    ready: () =>
      notebook()?.sessionContext?.session?.kernel?.status === 'idle' &&
      notebook().content.node.querySelectorAll('.jp-Cell .cm-editor').length >= notebook().content.widgets.length,

    /** Change a cell, resolve with the milliseconds until an element is there that `selector` finds. */
    edit: (index, source, selector) =>
      new Promise((resolve, reject) => {
        const late = setTimeout(() => reject(new Error(`${selector} did not appear`)), PATIENCE);
        const begin = performance.now();
        const observer = new MutationObserver(() => {
          if (document.querySelector(selector)) {
            const passed = performance.now() - begin;
            observer.disconnect();
            clearTimeout(late);
            resolve(passed);
          }
        });
        observer.observe(document.body, { subtree: true, childList: true, attributes: true });
        notebook().content.model.sharedModel.cells[index].setSource(source);
      }),

    /** Put the cursor at the end of a cell. */
    async enter(index) {
      const { content } = notebook();
      content.activeCellIndex = index;
      await content.scrollToCell(content.activeCell, 'center');
      content.mode = 'edit';
      const { editor } = content.activeCell;
      const line = editor.lineCount - 1;
      editor.setCursorPosition({ line, column: editor.getLine(line).length });
    },

    /** Return and forget the milliseconds of tasks that blocked the main thread longer than 50 ms. */
    takeTasks: () => tasks.splice(0),

    /** Return and forget the milliseconds from a key to the frame that shows it. */
    takeLatencies: () => latencies.splice(0)
  };
})();
