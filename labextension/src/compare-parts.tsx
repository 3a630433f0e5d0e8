/** The parts of a comparison of two runs. */

import { TranslationBundle } from '@jupyterlab/translation';
import * as React from 'react';

import { plain, short, wordOf } from './panel/words';
import { IComparison } from './tokens';

interface IFound {
  found: IComparison;
  all?: boolean;
  trans: TranslationBundle;
}

/** Parameters, metrics and stages, a row for each. */
export function Tables({ found, all, trans }: IFound): JSX.Element {
  const stages = found.stages.map(stage => ({
    name: stage.name,
    first: stage.first && wordOf(stage.first, trans),
    second: stage.second && wordOf(stage.second, trans),
    differs: stage.changed
  }));
  return (
    <>
      <Table title={trans.__('Parameters')} rows={found.parameters} {...{ found, all, trans }} />
      <Table title={trans.__('Metrics')} rows={found.metrics} {...{ found, all, trans }} />
      <Table title={trans.__('Stages')} rows={stages} {...{ found, all, trans }} />
    </>
  );
}

interface IRow {
  name: string;
  first: unknown;
  second: unknown;
  differs?: boolean;
}

function Table({ title, rows, found, all, trans }: IFound & { title: string; rows: IRow[] }): JSX.Element {
  const differing = rows.filter(differs);
  const shown = all ? rows : differing;
  return (
    <section aria-label={title}>
      <h3>{title}</h3>
      {shown.length === 0 ? (
        <p className="jp-nbprod-dim">{rows.length ? trans.__('all the same') : trans.__('none')}</p>
      ) : (
        <table className="jp-nbprod-table">
          <thead>
            <tr>
              <th scope="col">{trans.__('name')}</th>
              <th scope="col">{found.first.run.slice(0, 4)}</th>
              <th scope="col">{found.second.run.slice(0, 4)}</th>
              <th scope="col">{trans.__('change')}</th>
            </tr>
          </thead>
          <tbody>
            {shown.map(row => (
              <tr key={row.name} data-differs={differs(row)}>
                <th scope="row">{row.name}</th>
                <td>{shownAs(row.first)}</td>
                <td>{shownAs(row.second)}</td>
                <td>{change(row, trans)}</td>
              </tr>
            ))}
          </tbody>
        </table>
      )}
    </section>
  );
}

/** The code that differs, as unified diffs. */
export function Code({ found, trans }: IFound): JSX.Element {
  return (
    <section aria-label={trans.__('Code')}>
      <h3>{trans.__('Code')}</h3>
      {found.code.length === 0 && <p className="jp-nbprod-dim">{trans.__('the same code')}</p>}
      {found.code.map(({ stage, diff }) => (
        <React.Fragment key={stage}>
          <h4>{stage}</h4>
          <pre className="jp-nbprod-diff" tabIndex={0} aria-label={trans.__('Changes in %1', stage)}>
            {diff.map((line, place) => (
              <Line key={place} line={line} head={place < 2 || line.startsWith('@@')} />
            ))}
          </pre>
        </React.Fragment>
      ))}
    </section>
  );
}

/** A line of a unified diff, with its sign. */
function Line({ line, head }: { line: string; head: boolean }): JSX.Element {
  const Tag = head ? 'span' : line.startsWith('+') ? 'ins' : line.startsWith('-') ? 'del' : 'span';
  return <Tag className={head ? 'jp-nbprod-dim' : undefined}>{`${line}\n`}</Tag>;
}

/** What the runs drew, side by side. */
export function Pictures({ found, all, trans }: IFound): JSX.Element | null {
  const shown = found.pictures.filter(item => all || item.first !== item.second);
  if (shown.length === 0) {
    return null;
  }
  const picture = (data: string | null, stage: string, run: string): JSX.Element => (
    <div>
      <p>{run}</p>
      {data ? <img src={data} alt={trans.__('%1 of run %2', stage, run)} /> : <p className="jp-nbprod-dim">{trans.__('none')}</p>}
    </div>
  );
  return (
    <section aria-label={trans.__('Pictures')}>
      <h3>{trans.__('Pictures')}</h3>
      {shown.map((item, place) => (
        <figure key={place} className="jp-nbprod-pair">
          <figcaption>
            {item.first === item.second ? '=' : '≠'} {trans.__('%1, cell %2', item.stage, item.cell)}
          </figcaption>
          <div>
            {picture(item.first, item.stage, found.first.run.slice(0, 4))}
            {picture(item.second, item.stage, found.second.run.slice(0, 4))}
          </div>
        </figure>
      ))}
    </section>
  );
}

/** What the runs said besides. */
export function Notes({ found, trans }: IFound): JSX.Element | null {
  const runs = [found.first, found.second].filter(run => run.notes.length > 0);
  return runs.length === 0 ? null : (
    <section aria-label={trans.__('Notes')}>
      <h3>{trans.__('Notes')}</h3>
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
    </section>
  );
}

function differs(row: IRow): boolean {
  return row.differs ?? JSON.stringify(row.first) !== JSON.stringify(row.second);
}

function shownAs(value: unknown): string {
  return value === null || value === undefined ? '–' : typeof value === 'number' ? short(value) : plain(value);
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
