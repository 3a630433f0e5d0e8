/** Two runs side by side, in the main area: parameters, metrics, stages, code, pictures, notes. */

import { JupyterFrontEnd } from '@jupyterlab/application';
import { MainAreaWidget, ReactWidget } from '@jupyterlab/apputils';
import { TranslationBundle } from '@jupyterlab/translation';
import * as React from 'react';

import { Api } from './api';
import { nbprodIcon } from './icons';
import { Dim, Table, Tick, useAsked, Wrong } from './panel/parts';
import { ago, iconOf, seconds, short, wordOf } from './panel/words';
import { IComparison } from './tokens';

/** Which runs of which notebook. */
export interface ICompared {
  path: string;
  first: string;
  second: string;
}

/** Show two runs in a tab of their own, the one that shows them already if there is one. */
export function openCompare(shell: JupyterFrontEnd.IShell, api: Api, asked: ICompared, trans: TranslationBundle): void {
  const id = `nbprod-compare-${asked.first}-${asked.second}`;
  if (!Array.from(shell.widgets('main')).some(open => open.id === id)) {
    const content = ReactWidget.create(<Comparison api={api} asked={asked} trans={trans} />);
    content.addClass('jp-nbprod-compare');
    const widget = new MainAreaWidget({ content });
    widget.id = id;
    widget.title.label = `${asked.first.slice(0, 4)} ↔ ${asked.second.slice(0, 4)}`;
    widget.title.caption = trans.__('Runs %1 and %2 of %3', asked.first, asked.second, asked.path);
    widget.title.icon = nbprodIcon;
    widget.title.closable = true;
    shell.add(widget, 'main');
  }
  shell.activateById(id);
}

function Comparison({ api, asked, trans }: { api: Api; asked: ICompared; trans: TranslationBundle }): JSX.Element {
  const { found, problem } = useAsked(() => api.compare(asked.path, asked.first, asked.second), [api, asked]);
  const [only, setOnly] = React.useState(true);
  if (!found) {
    return problem ? <Wrong problem={problem} /> : <p role="status">{trans.__('reading both runs …')}</p>;
  }
  const word = (state: string | null): string | null => state && wordOf(state, trans);
  const stages = found.stages.map(item => ({ ...item, first: word(item.first), second: word(item.second) }));
  const seen = { found, all: !only, trans };
  return (
    <>
      <h2>{trans.__('Two runs of %1', asked.path)}</h2>
      {[found.first, found.second].map(({ run, status, started, seconds: took, error }) => (
        <p key={run}>
          <b>{run.slice(0, 4)}</b> {iconOf(status)} {wordOf(status, trans)} {ago(started, trans)}
          {took ? ` · ${seconds(took)}` : ''}
          {error ? ` · ${error.code} ${error.message}` : ''}
        </p>
      ))}
      <Tick data-nbprod="compare-only" checked={only} onChange={event => setOnly(event.target.checked)}>
        {trans.__('only what differs')}
      </Tick>
      <Values title={trans.__('Parameters')} rows={found.parameters} {...seen} />
      <Values title={trans.__('Metrics')} rows={found.metrics} {...seen} />
      <Values title={trans.__('Stages')} rows={stages} {...seen} />
      <Code {...seen} />
      <Pictures {...seen} />
      <Notes {...seen} />
    </>
  );
}

interface ISeen {
  found: IComparison;
  all: boolean;
  trans: TranslationBundle;
}

interface IRow {
  name: string;
  first: unknown;
  second: unknown;
  changed?: boolean;
}

function Part({ title, children }: { title: string; children: React.ReactNode }): JSX.Element {
  return (
    <section aria-label={title}>
      <h3>{title}</h3>
      {children}
    </section>
  );
}

/** Values of both runs by name, a row for each. */
function Values({ title, rows, found, all, trans }: ISeen & { title: string; rows: IRow[] }): JSX.Element {
  const shown = rows.filter(row => all || differs(row));
  if (shown.length === 0) {
    return <Part title={title} children={<Dim>{rows.length ? trans.__('all the same') : trans.__('none')}</Dim>} />;
  }
  return (
    <Part title={title}>
      <Table
        head={[trans.__('name'), found.first.run.slice(0, 4), found.second.run.slice(0, 4), trans.__('change')]}
        rows={shown.map(row => ({
          'data-differs': differs(row),
          cells: [row.name, shownAs(row.first), shownAs(row.second), change(row, trans)]
        }))}
      />
    </Part>
  );
}

/** The code that differs, as unified diffs: every line keeps its sign. */
function Code({ found, trans }: ISeen): JSX.Element {
  const tagOf = (line: string, place: number): 'span' | 'ins' | 'del' =>
    place < 2 || !'+-'.includes(line[0] ?? ' ') ? 'span' : line[0] === '+' ? 'ins' : 'del';
  return (
    <Part title={trans.__('Code')}>
      {found.code.length === 0 && <Dim>{trans.__('the same code')}</Dim>}
      {found.code.map(({ stage, diff }) => (
        <React.Fragment key={stage}>
          <h4>{stage}</h4>
          <pre className="jp-nbprod-diff" tabIndex={0} aria-label={trans.__('Changes in %1', stage)}>
            {diff.map((line, place) => {
              const head = place < 2 || line.startsWith('@@');
              return React.createElement(tagOf(line, place), { key: place, className: head ? 'jp-nbprod-dim' : undefined }, `${line}\n`);
            })}
          </pre>
        </React.Fragment>
      ))}
    </Part>
  );
}

/** What the runs drew, side by side. */
function Pictures({ found, all, trans }: ISeen): JSX.Element | null {
  const shown = found.pictures.filter(item => all || item.first !== item.second);
  return shown.length === 0 ? null : (
    <Part title={trans.__('Pictures')}>
      {shown.map((item, place) => (
        <figure key={place} className="jp-nbprod-pair">
          <figcaption>
            {item.first === item.second ? '=' : '≠'} {trans.__('%1, cell %2', item.stage, item.cell)}
          </figcaption>
          <div>
            {(['first', 'second'] as const).map(which => (
              <div key={which}>
                <p>{found[which].run.slice(0, 4)}</p>
                {item[which] === null && <Dim>{trans.__('none')}</Dim>}
                {item[which] && <img src={item[which]} alt={trans.__('%1 of run %2', item.stage, found[which].run.slice(0, 4))} />}
              </div>
            ))}
          </div>
        </figure>
      ))}
    </Part>
  );
}

/** What the runs said besides. */
function Notes({ found, trans }: ISeen): JSX.Element | null {
  const runs = [found.first, found.second].filter(run => run.notes.length > 0);
  return runs.length === 0 ? null : (
    <Part title={trans.__('Notes')}>
      {runs.map(run => (
        <React.Fragment key={run.run}>
          <h4>{run.run.slice(0, 4)}</h4>
          <ul>
            {run.notes.map(note => (
              <li key={note}>{note}</li>
            ))}
          </ul>
        </React.Fragment>
      ))}
    </Part>
  );
}

function differs(row: IRow): boolean {
  return row.changed ?? JSON.stringify(row.first) !== JSON.stringify(row.second);
}

function shownAs(value: unknown): string {
  return value === null || value === undefined ? '–' : short(value);
}

function change(row: IRow, trans: TranslationBundle): string {
  if (!differs(row)) {
    return '=';
  }
  if (typeof row.first === 'number' && typeof row.second === 'number') {
    const by = row.second - row.first;
    return `≠ ${by > 0 ? '↑ +' : '↓ '}${short(by)}`;
  }
  return trans.__('≠ changed');
}
