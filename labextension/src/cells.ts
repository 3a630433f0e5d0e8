/** What is shown at the cells: a chip with stage or role beside the prompt, findings and failures below.
 *
 * Everything hangs on the cell's own node, at its end, so that any windowing mode keeps it and no layout counts it in.
 */

import { Cell } from '@jupyterlab/cells';
import { NotebookPanel } from '@jupyterlab/notebook';
import { TranslationBundle } from '@jupyterlab/translation';

import { Model } from './model';
import { findCell } from './notebook';
import { readTag, tagWords } from './tags';
import { COLORS, ICellRole, IDiagnostic, IPipeline, IProblem, ITag } from './tokens';

/** What the marks are told to do. */
export interface IMarkActions {
  /** Open the menu of stages and roles for a cell. */
  choose(cell: Cell, at: HTMLElement): void;
  /** Mend a finding. */
  fix(item: IDiagnostic): void;
}

interface IMarks {
  chip: HTMLButtonElement;
  notes: HTMLDivElement;
  drawn: string;
}

/** Everything one cell shows. */
interface IShown {
  words: string;
  color: string;
  inferred: string;
  stale: boolean;
  items: IDiagnostic[];
  failure: string;
}

/** Keeps the cells of the current notebook marked. */
export class CellMarks {
  /** Whether chips are shown at all; a setting. */
  enabled = true;
  private readonly marks = new WeakMap<Cell, IMarks>();
  private marked: NotebookPanel | null = null;

  constructor(
    private readonly model: Model,
    private readonly actions: IMarkActions,
    private readonly trans: TranslationBundle
  ) {
    model.changed.connect(this.draw, this);
  }

  /** Draw what changed; a cell that shows the same as before is left alone. */
  draw(): void {
    const { panel, pipeline } = this.model;
    if (this.marked !== panel) {
      this.marked?.content.removeClass('jp-mod-nbprod');
      this.marked = panel;
    }
    if (!panel || panel.isDisposed) {
      return;
    }
    const roles = new Map((pipeline?.roles ?? []).map(role => [role.cell_id, role]));
    const failure = failureOf(this.model);
    const failed = failure?.where ? findCell(panel, failure.where) : null;
    let any = false;
    for (const cell of panel.content.widgets) {
      const shown = this.shown(cell, roles.get(cell.model.id), pipeline);
      shown.failure = cell === failed && failure ? failureWords(failure, this.trans) : '';
      any = any || shown.words !== '';
      this.mark(cell, shown);
    }
    panel.content.toggleClass('jp-mod-nbprod', this.enabled && any);
  }

  private shown(cell: Cell, role: ICellRole | undefined, pipeline: IPipeline | null): IShown {
    const tag = readTag(cell.model);
    const inferred = tag === null && role !== undefined && cell.model.type === 'code' && role.role !== 'exploration';
    const words: ITag | null = inferred ? { role: role.role, stage: role.stage } : tag;
    const items = (pipeline?.diagnostics ?? []).filter(item => item.cell_id === cell.model.id && item.severity !== 'info');
    return {
      words: tagWords(words),
      color: colorOf(words?.stage ?? null, this.model.stages),
      inferred: inferred ? role.reason || this.trans.__('inferred from what the cell reads and writes') : '',
      stale: words?.stage ? (pipeline?.stale ?? []).includes(words.stage) : false,
      items,
      failure: ''
    };
  }

  private mark(cell: Cell, shown: IShown): void {
    const known = this.marks.get(cell);
    const text = JSON.stringify(shown);
    const empty = shown.words === '' && shown.items.length === 0 && shown.failure === '';
    if (known?.drawn === text || (!known && empty)) {
      return;
    }
    const marks = known ?? this.made(cell);
    marks.drawn = text;
    const data = cell.node.dataset;
    put(data, 'nbprodTag', shown.words);
    put(data, 'nbprodInferred', shown.inferred && 'true');
    put(data, 'nbprodColor', shown.words && shown.color);
    put(data, 'nbprodStale', shown.stale ? 'true' : '');
    put(data, 'nbprodError', shown.failure);
    drawChip(marks.chip, shown, this.trans);
    this.drawNotes(marks.notes, shown);
  }

  private made(cell: Cell): IMarks {
    const chip = document.createElement('button');
    chip.className = 'jp-nbprod-chip';
    chip.tabIndex = -1; // one more stop at every cell would be in the way; the commands have shortcuts
    chip.addEventListener('click', () => this.actions.choose(cell, chip));
    const notes = document.createElement('div');
    notes.className = 'jp-nbprod-notes';
    cell.node.append(chip, notes);
    const marks = { chip, notes, drawn: '' };
    this.marks.set(cell, marks);
    return marks;
  }

  private drawNotes(notes: HTMLDivElement, shown: IShown): void {
    const lines = shown.items.map(item => this.note(item));
    if (shown.failure) {
      const line = document.createElement('p');
      line.dataset.nbprodState = 'error';
      line.textContent = `✗ ${shown.failure}`;
      lines.unshift(line);
    }
    notes.replaceChildren(...lines);
  }

  private note(item: IDiagnostic): HTMLParagraphElement {
    const line = document.createElement('p');
    const place = item.line ? this.trans.__('line %1: ', item.line) : '';
    const word = item.severity === 'error' ? this.trans.__('✗ error') : this.trans.__('! warning');
    line.dataset.nbprodState = item.severity;
    line.dataset.nbprodCode = item.code;
    line.title = item.fix ?? '';
    line.textContent = `${word} ${item.code} · ${place}${item.message} `;
    if (item.mendable) {
      const button = document.createElement('button');
      button.className = 'jp-nbprod-fix';
      button.tabIndex = -1;
      button.textContent = this.trans.__('Fix');
      button.setAttribute('aria-label', this.trans.__('Fix %1: %2', item.code, item.fix ?? item.message));
      button.addEventListener('click', () => this.actions.fix(item));
      line.append(button);
    }
    return line;
  }
}

/** Return the colour of a stage: its place in the pipeline, the same in chip and picture. */
export function colorOf(stage: string | null, stages: string[]): string {
  const place = stage === null ? -1 : stages.indexOf(stage);
  return place < 0 ? 'none' : String(place % COLORS);
}

function failureOf({ problem, operation, run }: Model): IProblem | null {
  return problem?.where ? problem : operation?.error?.where ? operation.error : (run?.error ?? null);
}

function failureWords(failure: IProblem, trans: TranslationBundle): string {
  return (failure.where?.line ? trans.__('line %1: ', failure.where.line) : '') + failure.message;
}

function drawChip(chip: HTMLButtonElement, shown: IShown, trans: TranslationBundle): void {
  const stale = shown.stale ? trans.__('changed since its last run') : '';
  chip.hidden = shown.words === '';
  chip.textContent = shown.words;
  chip.title = [shown.words, shown.inferred, stale].filter(Boolean).join('\n');
  chip.setAttribute('aria-label', trans.__('Stage or role: %1', [shown.words, stale].filter(Boolean).join(', ')));
}

function put(data: DOMStringMap, key: string, value: string): void {
  if (value === '') {
    delete data[key];
  } else if (data[key] !== value) {
    data[key] = value;
  }
}
