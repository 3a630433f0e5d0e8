/** Two runs side by side, in the main area: parameters, metrics, stages, code, pictures. */

import { JupyterFrontEnd } from '@jupyterlab/application';
import { MainAreaWidget, ReactWidget } from '@jupyterlab/apputils';
import { TranslationBundle } from '@jupyterlab/translation';
import * as React from 'react';

import { Api, problemOf } from './api';
import { nbprodIcon } from './icons';
import { plain, short, wordOf } from './panel/words';
import { IComparison, IProblem } from './tokens';

/** Which runs of which notebook. */
export interface ICompared {
  path: string;
  first: string;
  second: string;
}

/** Show two runs in a tab of their own. */
export function openCompare(shell: JupyterFrontEnd.IShell, api: Api, asked: ICompared, trans: TranslationBundle): void {
  const content = ReactWidget.create(<Comparison api={api} asked={asked} trans={trans} />);
  content.addClass('jp-nbprod-compare');
  const widget = new MainAreaWidget({ content });
  widget.id = `nbprod-compare-${asked.first}-${asked.second}`;
  widget.title.label = `${asked.first.slice(0, 4)} ↔ ${asked.second.slice(0, 4)}`;
  widget.title.icon = nbprodIcon;
  widget.title.closable = true;
  shell.add(widget, 'main');
  shell.activateById(widget.id);
}

interface IProps {
  api: Api;
  asked: ICompared;
  trans: TranslationBundle;
}

function Comparison({ api, asked, trans }: IProps): JSX.Element {
  const [found, setFound] = React.useState<IComparison | null>(null);
  const [problem, setProblem] = React.useState<IProblem | null>(null);
  const [all, setAll] = React.useState(false);
  React.useEffect(() => {
    api.compare(asked.path, asked.first, asked.second).then(setFound, error => setProblem(problemOf(error)));
  }, [api, asked]);
  if (problem) {
    return (
      <p className="jp-nbprod-wrong" role="alert">
        <b>{problem.code}</b> {problem.message}
      </p>
    );
  }
  if (!found) {
    return <p role="status">{trans.__('reading both runs …')}</p>;
  }
  return (
    <>
      <h2>{asked.path}</h2>
      <label className="jp-nbprod-choice">
        <input type="checkbox" checked={all} onChange={event => setAll(event.target.checked)} />
        <span>{trans.__('also what is the same')}</span>
      </label>
      <Tables found={found} all={all} trans={trans} />
      <Code found={found} trans={trans} />
      <Pictures found={found} all={all} trans={trans} />
    </>
  );
}

interface IFound {
  found: IComparison;
  all?: boolean;
  trans: TranslationBundle;
}

function Tables({ found, all, trans }: IFound): JSX.Element {
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
                <td>{row.name}</td>
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

function Code({ found, trans }: IFound): JSX.Element {
  return (
    <section aria-label={trans.__('Code')}>
      <h3>{trans.__('Code')}</h3>
      {found.code.length === 0 && <p className="jp-nbprod-dim">{trans.__('the same code')}</p>}
      {found.code.map(({ stage, diff }) => (
        <React.Fragment key={stage}>
          <h4>{stage}</h4>
          <pre className="jp-nbprod-diff" tabIndex={0} aria-label={trans.__('Changes in %1', stage)}>
            {diff.map((line, place) => (
              <span key={place} data-sign={/^(---|\+\+\+|@@)/.test(line) ? 'head' : line.slice(0, 1)}>
                {`${line}\n`}
              </span>
            ))}
          </pre>
        </React.Fragment>
      ))}
    </section>
  );
}

function Pictures({ found, all, trans }: IFound): JSX.Element | null {
  const shown = found.pictures.filter(item => all || item.first !== item.second);
  if (shown.length === 0) {
    return null;
  }
  const picture = (data: string | null, stage: string, run: string): JSX.Element =>
    data ? <img src={data} alt={trans.__('%1 of run %2', stage, run)} /> : <p className="jp-nbprod-dim">{trans.__('none')}</p>;
  return (
    <section aria-label={trans.__('Pictures')}>
      <h3>{trans.__('Pictures')}</h3>
      {shown.map((item, place) => (
        <figure key={place} className="jp-nbprod-pair">
          <figcaption>{trans.__('%1, cell %2', item.stage, item.cell)}</figcaption>
          <div>
            {picture(item.first, item.stage, found.first.run.slice(0, 4))}
            {picture(item.second, item.stage, found.second.run.slice(0, 4))}
          </div>
        </figure>
      ))}
    </section>
  );
}

function differs(row: IRow): boolean {
  return row.differs ?? JSON.stringify(row.first) !== JSON.stringify(row.second);
}

function shownAs(value: unknown): string {
  return value === null || value === undefined ? '' : typeof value === 'number' ? short(value) : plain(value);
}

function change(row: IRow, trans: TranslationBundle): string {
  if (!differs(row)) {
    return '=';
  }
  if (typeof row.first === 'number' && typeof row.second === 'number') {
    const by = row.second - row.first;
    return `${by > 0 ? '↑ +' : '↓ '}${short(by)}`;
  }
  return trans.__('≠ changed');
}
