/** What is done with an open notebook: read it as it stands, go to a cell, change several cells as one. */

import { ISharedNotebook } from '@jupyter/ydoc';
import { Cell, ICodeCellModel } from '@jupyterlab/cells';
import { NotebookPanel } from '@jupyterlab/notebook';
import { Contents } from '@jupyterlab/services';

import { ApiError } from './api';
import { IWhere } from './tokens';

/** What a shared document has where changes can be undone. */
interface IUndoable {
  undoManager: { stopCapturing(): void };
}

type Place = Pick<IWhere, 'cell' | 'cell_id'>;

/** Return the notebook as it stands in the editor, without outputs. */
export function draft(panel: NotebookPanel): unknown {
  const model = panel.content.model;
  const cells = Array.from(model?.cells ?? [], cell => ({
    cell_type: cell.type,
    id: cell.id,
    metadata: cell.metadata,
    source: cell.sharedModel.getSource(),
    ...(cell.type === 'code' ? { execution_count: (cell as ICodeCellModel).executionCount, outputs: [] } : {})
  }));
  return { cells, metadata: model?.metadata ?? {}, nbformat: 4, nbformat_minor: 5 };
}

/** Return the cell of that id, null when it is gone. */
export function byId(panel: NotebookPanel, id: string | null): Cell | null {
  return panel.content.widgets.find(cell => cell.model.id === id) ?? null;
}

/** Return the cell a message is about: by id, else by its number. */
export function findCell(panel: NotebookPanel, where: Place): Cell | null {
  return byId(panel, where.cell_id) ?? (where.cell ? (panel.content.widgets[where.cell - 1] ?? null) : null);
}

/** Make a cell the active one, in command mode, and bring it into view; `scrollToCell` would begin to edit it. */
export async function jumpTo(panel: NotebookPanel, where: Place): Promise<void> {
  const cell = findCell(panel, where);
  if (cell) {
    const index = panel.content.widgets.indexOf(cell);
    panel.content.activeCellIndex = index;
    panel.content.deselectAll();
    panel.content.mode = 'command';
    await panel.content.scrollToItem(index, 'center');
    cell.node.focus({ preventScroll: true }); // shortcuts are for a cell that has the focus
  }
}

/** Change cells so that one undo of the notebook takes it all back, metadata included. */
export function changeTogether(panel: NotebookPanel, work: () => void): void {
  const shared = panel.content.model?.sharedModel as (ISharedNotebook & Partial<IUndoable>) | undefined;
  shared?.undoManager?.stopCapturing(); // what came within the last half second is a step of its own
  shared?.transact(work, true);
  shared?.undoManager?.stopCapturing();
}

/** Save a notebook, or say why that cannot be; a read-only one may be used as its file has it. */
export async function saved(panel: NotebookPanel, contents: Pick<Contents.IManager, 'get'>): Promise<void> {
  if (!panel.context.model.dirty) {
    return;
  }
  if (panel.context.contentsModel?.writable === false) {
    // JupyterLab notes the kernel in every notebook it opens: only cells count as a change
    const file = await contents.get(panel.context.path, { type: 'notebook', content: true });
    if (cellsOf(file.content) !== cellsOf(draft(panel))) {
      throw new ApiError(0, {
        code: 'NB937',
        message: 'the notebook is read-only and its changes are not saved',
        hint: 'File, Save Notebook As… and run the copy'
      });
    }
    return;
  }
  await panel.context.save();
  if (panel.context.model.dirty) {
    throw new ApiError(0, { code: 'NB938', message: 'the notebook was not saved', hint: 'save it, then try again' });
  }
}

/** Return what of a notebook decides what it does: sources, and what cells are tagged with. */
function cellsOf(content: any): string {
  const cells: any[] = content?.cells ?? [];
  return JSON.stringify(cells.map(cell => [cell.cell_type, [cell.source].flat().join(''), cell.metadata?.nbprod, cell.metadata?.tags]));
}
