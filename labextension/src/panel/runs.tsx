/** The newest runs: state, time, first metric; a failed one leads to its cell. */

import * as React from 'react';

import { jumpTo } from '../notebook';
import { IRun } from '../tokens';
import { IView, Section } from './widget';
import { ago, iconOf, seconds, short, wordOf } from './words';

const SHOWN = 6;

export function Runs(view: IView): JSX.Element {
  const { model, trans } = view;
  const run = model.run;
  return (
    <Section title={trans.__('Runs')} name="runs">
      {run?.error && <Failure {...view} run={run} />}
      {model.runs.length === 0 && !run && <p className="jp-nbprod-dim">{trans.__('Not run yet.')}</p>}
      <ul className="jp-nbprod-list">
        {withShown(model.runs, run).map(item => (
          <li key={item.run}>
            <button
              className="jp-nbprod-line"
              data-nbprod-run={item.run}
              data-nbprod-state={item.status}
              aria-pressed={item.run === run?.run}
              onClick={() => model.show(item)}
            >
              {iconOf(item.status)} {wordOf(item.status, trans)} <code>{item.run.slice(0, 4)}</code>{' '}
              {ago(item.started, trans)} {item.seconds ? seconds(item.seconds) : ''} {summary(item)}
            </button>
          </li>
        ))}
      </ul>
    </Section>
  );
}

function Failure({ model, trans, run }: IView & { run: IRun }): JSX.Element | null {
  const error = run.error;
  if (!error) {
    return null;
  }
  const where = error.where;
  return (
    <div className="jp-nbprod-problem" role="alert" data-nbprod="failure">
      <p>
        ✗ {where?.cell ? trans.__('cell %1', where.cell) : ''}
        {where?.line ? ` ${trans.__('line %1', where.line)}` : ''} <b>{error.code}</b> {error.message}
      </p>
      {error.hint && <p>{error.hint}</p>}
      {where?.cell && (
        <button
          className="jp-nbprod-button"
          onClick={() => model.panel && void jumpTo(model.panel, where)}
        >
          {trans.__('Go to the cell')}
        </button>
      )}
    </div>
  );
}

function withShown(runs: IRun[], shown: IRun | null): IRun[] {
  const known = shown !== null && runs.some(run => run.run === shown.run);
  const all = shown !== null && !known ? [shown, ...runs] : runs;
  return all.slice(0, SHOWN);
}

function summary(run: IRun): string {
  const [name, value] = Object.entries(run.metrics)[0] ?? [];
  const gate = run.gates.some(item => !item.held) ? ' · gate not held' : '';
  return (name === undefined ? '' : `· ${name} ${short(value)}`) + gate;
}
