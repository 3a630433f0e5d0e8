/** Notebooks as JupyterLab holds them in memory: its own model over a shared document. */

import { ICellModel } from '@jupyterlab/cells';
import { NotebookModel } from '@jupyterlab/notebook';
import { JSONObject } from '@lumino/coreutils';
import * as Y from 'yjs';

/** A code cell written by hand; words alone are its source. */
export interface ICellText {
  source: string;
  metadata?: JSONObject;
  type?: 'code' | 'markdown' | 'raw';
}

/**
 * Return the model of a notebook with these cells, whose ids are c1, c2, and so on; nothing can be undone yet.
 * Each cell has a history of its own, as JupyterLab's settings have it, unless one is kept for the whole document.
 */
export function notebook(cells: (string | ICellText)[], documentWide = false): NotebookModel {
  const model = new NotebookModel({ disableDocumentWideUndoRedo: !documentWide });
  const whole = cells.map((cell, index) => {
    const { source, metadata = {}, type = 'code' } = typeof cell === 'string' ? { source: cell } : cell;
    return { id: `c${index + 1}`, cell_type: type, source, metadata };
  });
  model.sharedModel.insertCells(0, whole);
  model.sharedModel.clearUndoHistory();
  return model;
}

/** Return the only cell of a notebook. */
export function cell(source: string, metadata: JSONObject = {}): ICellModel {
  return notebook([{ source, metadata }]).cells.get(0);
}

/** Return one cell of a notebook, counted from 1 as people do. */
export function nth(model: NotebookModel, number: number): ICellModel {
  return model.cells.get(number - 1);
}

/** Open somebody else's copy of the same notebook: what either does reaches the other when they `meet`. */
export function copy(model: NotebookModel): NotebookModel {
  const other = new NotebookModel();
  meet(model, other);
  return other;
}

/** Exchange all changes of two copies of a notebook, as real-time collaboration does. */
export function meet(first: NotebookModel, second: NotebookModel): void {
  const [one, two] = [document(first), document(second)];
  Y.applyUpdate(two, Y.encodeStateAsUpdate(one));
  Y.applyUpdate(one, Y.encodeStateAsUpdate(two));
}

function document(model: NotebookModel): Y.Doc {
  return (model.sharedModel as unknown as { ydoc: Y.Doc }).ydoc;
}
