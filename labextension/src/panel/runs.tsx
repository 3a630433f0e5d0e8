/** The newest runs: state, time, first metric; a failed one leads to its cell; two can be compared. */

import * as React from 'react';

import { openCompare } from '../compare';
import { executedPath } from '../drive';
import { IProblem, IRun } from '../tokens';
import { rerun } from '../verbs';
import { IView, Section } from './widget';
import { ago, iconOf, plain, seconds, short, wordOf } from './words';

const SHOWN = 6;

export function Runs(view: IView): JSX.Element {
  const { model, trans } = view;
  const [all, setAll] = React.useState(false);
  const run = model.run;
  const listed = withShown(model.runs, run);
  return (
    <Section title={trans.__('Runs')} name="runs">
      {run?.error && <Failure {...view} error={run.error} />}
      {listed.length === 0 && <p className="jp-nbprod-dim">{trans.__('Not run yet.')}</p>}
      <ul className="jp-nbprod-list">
        {listed.slice(0, all ? undefined : SHOWN).map(item => (
          <li key={item.run}>
            <button
              className="jp-nbprod-line"
              data-nbprod-run={item.run}
              data-nbprod-state={item.status}
              aria-pressed={item.run === run?.run}
              onClick={() => model.show(item)}
            >
              {iconOf(item.status)} {wordOf(item.status, trans)} <code>{item.run.slice(0, 4)}</code>{' '}
              {ago(item.started, trans)} {item.seconds ? seconds(item.seconds) : ''} <Summary {...view} run={item} />
            </button>
            {item.run === run?.run && item.status !== 'running' && <Detail {...view} run={item} />}
          </li>
        ))}
      </ul>
      {listed.length > SHOWN && (
        <button className="jp-nbprod-button" onClick={() => setAll(!all)}>
          {all ? trans.__('Fewer') : trans.__('All %1', listed.length)}
        </button>
      )}
    </Section>
  );
}

/** What can be done with the run that is shown. */
function Detail(view: IView & { run: IRun }): JSX.Element {
  const { model, trans, run, app, commands } = view;
  const [other, setOther] = React.useState('');
  const others = model.runs.filter(item => item.run !== run.run && item.status !== 'running');
  const chosen = others.some(item => item.run === other) ? other : (others[0]?.run ?? '');
  const changed = Object.entries(run.parameters ?? {});
  return (
    <div className="jp-nbprod-detail" data-nbprod="run-detail">
      {changed.length > 0 && (
        <p className="jp-nbprod-dim">{changed.map(([name, value]) => `${name} = ${plain(value)}`).join(' · ')}</p>
      )}
      {run.gates.map(gate => (
        <p key={gate.expression} title={gate.detail}>
          {gate.held ? '✓' : '✗'} {trans.__('gate')} <code>{gate.expression}</code>{' '}
          {gate.held ? trans.__('held') : trans.__('did not hold')}
        </p>
      ))}
      <Executed {...view} />
      <div className="jp-nbprod-row">
        <button
          className="jp-nbprod-button"
          data-nbprod="rerun"
          disabled={model.working}
          title={trans.__('Run again with the parameters of this run')}
          onClick={() => void rerun(model, run)}
        >
          {trans.__('Run again')}
        </button>
        {run.mlflow && (
          <button
            className="jp-nbprod-button"
            data-nbprod="mlflow"
            onClick={() => void commands.execute('nbprod:open-mlflow', { page: run.mlflow })}
          >
            MLflow
          </button>
        )}
      </div>
      {others.length > 0 && (
        <div className="jp-nbprod-row">
          <select
            data-nbprod="compare-with"
            aria-label={trans.__('Run to compare with')}
            value={chosen}
            onChange={event => setOther(event.target.value)}
          >
            {others.map(item => (
              <option key={item.run} value={item.run}>
                {item.run.slice(0, 4)} · {ago(item.started, trans)} {wordOf(item.status, trans)}
              </option>
            ))}
          </select>
          <button
            className="jp-nbprod-button"
            data-nbprod="compare"
            onClick={() => openCompare(app.shell, model.api, { path: model.path, first: chosen, second: run.run }, trans)}
          >
            {trans.__('Compare')}
          </button>
        </div>
      )}
    </div>
  );
}

/** Links to what the stages executed: as a notebook in JupyterLab, or as a page. */
function Executed({ model, trans, run, commands }: IView & { run: IRun }): JSX.Element | null {
  const kept = run.stages.filter(stage => stage.kept);
  if (kept.length === 0) {
    return null;
  }
  const open = (stage: string): void => {
    const path = executedPath(model.path, run.run, stage);
    void commands.execute('docmanager:open', { path, kernelPreference: { shouldStart: false, canStart: false } });
  };
  return (
    <details className="jp-nbprod-fold" data-nbprod="executed">
      <summary>{trans.__('Executed notebooks')}</summary>
      <ul className="jp-nbprod-list">
        {kept.map(stage => (
          <li key={stage.name} className="jp-nbprod-row">
            <span>
              {iconOf(stage.status)} {stage.name}
            </span>
            <button className="jp-nbprod-button" data-nbprod-executed={stage.name} onClick={() => open(stage.name)}>
              {trans.__('Notebook')}
            </button>
            <a
              className="jp-nbprod-button"
              href={model.api.page(model.path, `runs/${run.run}/page/${stage.name}`)}
              target="_blank"
              rel="noreferrer"
              aria-label={trans.__('Executed notebook of %1 as a page', stage.name)}
            >
              HTML
            </a>
          </li>
        ))}
      </ul>
    </details>
  );
}

function Failure({ model, trans, error }: IView & { error: IProblem }): JSX.Element {
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
          data-nbprod="go-to-cell"
          onClick={() => model.jump(where)}
        >
          {trans.__('Go to the cell')}
        </button>
      )}
    </div>
  );
}

/** The first metric, with an arrow against the model that is deployed, else against the run before. */
function Summary({ model, trans, run }: IView & { run: IRun }): JSX.Element | null {
  const [name, value] = Object.entries(run.metrics)[0] ?? [];
  const gate = run.gates.some(item => !item.held) ? ` · ${trans.__('gate not held')}` : '';
  if (name === undefined || value === undefined) {
    return gate ? <>{gate}</> : null;
  }
  const [against, words] = reference(model.runs, run, model.endpoints[0]?.version ?? null, trans);
  const before = against?.metrics[name];
  const arrow = before === undefined || before === value ? '' : value > before ? '↑' : '↓';
  return (
    <span title={arrow ? `${words}: ${name} ${short(before)}` : ''}>
      · {name} {short(value)} {arrow}
      {gate}
    </span>
  );
}

function reference(runs: IRun[], run: IRun, served: string | null, trans: IView['trans']): [IRun | undefined, string] {
  const champion = served === null ? undefined : runs.find(item => item.model?.version === served);
  if (champion && champion.run !== run.run) {
    return [champion, trans.__('deployed, run %1', champion.run.slice(0, 4))];
  }
  const place = runs.findIndex(item => item.run === run.run);
  const earlier = runs.slice(place + 1).find(item => item.status === 'succeeded');
  return [earlier, trans.__('the run before')];
}

function withShown(runs: IRun[], shown: IRun | null): IRun[] {
  const known = shown !== null && runs.some(run => run.run === shown.run);
  return shown !== null && !known ? [shown, ...runs] : runs;
}
