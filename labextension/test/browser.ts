/** What every browser has and jsdom lacks, and the modules of JupyterLab ask for when they are imported. */

class Observer {
  observe(): void {}
  unobserve(): void {}
  disconnect(): void {}
}

const media = { matches: false, addListener: () => undefined, removeListener: () => undefined };

Object.assign(window, {
  DragEvent: class extends MouseEvent {},
  IntersectionObserver: Observer,
  ResizeObserver: Observer,
  matchMedia: () => media,
  requestIdleCallback: (work: () => void) => window.setTimeout(work)
});
