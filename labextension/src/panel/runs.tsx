/** The newest runs: state, time, first metric; a failed one leads to its cell; two can be compared. */

import * as React from 'react';

import { openCompare } from '../compare';
import { executedPath } from '../drive';
import { IRun } from '../tokens';
import { rerun } from '../verbs';
import { Gates } from './deploy';
import { Button, Dim, Fold, Page, Section } from './parts';
import { Problem } from './problem';
import { IView } from './widget';
import { ago, assigned, iconOf, seconds, short, wordOf } from './words';

const SHOWN = 6;

type Of = IView & { run: IRun };

export function Runs(view: IView): JSX.Element {
  const { model, trans } = view;
  const [all, setAll] = React.useState(false);
  const shown = model.run;
  const told = shown?.error?.message === model.operation?.error?.message; // a deployment or sweep tells it of its own run
  const listed = shown && !model.runs.some(run => run.run === shown.run) ? [shown, ...model.runs] : model.runs;
  return (
    <Section title={trans.__('Runs')} name="runs">
      {shown?.error && !told && <Problem {...view} name="failure" problem={shown.error} />}
      {listed.length === 0 && <Dim>{trans.__('Not run yet.')}</Dim>}
      <ul className="jp-nbprod-list">
        {listed.slice(0, all ? undefined : SHOWN).map(item => (
          <li key={item.run}>
            <button
              className="jp-nbprod-line"
              data-nbprod-run={item.run}
              data-nbprod-state={item.status}
              aria-pressed={item.run === shown?.run}
              onClick={() => model.show(item)}
            >
              {iconOf(item.status)} {wordOf(item.status, trans)} <code>{item.run.slice(0, 4)}</code> {ago(item.started, trans)}{' '}
              {item.seconds ? seconds(item.seconds) : ''} <Summary {...view} run={item} />
            </button>
            {item.run === shown?.run && item.status !== 'running' && <Detail {...view} run={item} />}
          </li>
        ))}
      </ul>
      {listed.length > SHOWN && <Button onClick={() => setAll(!all)}>{all ? trans.__('Fewer') : trans.__('All %1', listed.length)}</Button>}
    </Section>
  );
}

/** What can be done with the run that is shown. */
function Detail(view: Of): JSX.Element {
  const { model, trans, run, commands } = view;
  const { parameters = {}, mlflow } = run;
  return (
    <div className="jp-nbprod-detail" data-nbprod="run-detail">
      {Object.keys(parameters).length > 0 && <Dim>{assigned(parameters)}</Dim>}
      <Gates trans={trans} run={run} />
      <Executed {...view} />
      <div className="jp-nbprod-row">
        <Button
          name="rerun"
          disabled={model.working}
          title={trans.__('Run again with the parameters of this run')}
          onClick={() => void rerun(model, run)}
        >
          {trans.__('Run again')}
        </Button>
        {mlflow && (
          <Button name="mlflow" onClick={() => void commands.execute('nbprod:open-mlflow', { page: mlflow })}>
            MLflow
          </Button>
        )}
      </div>
      <Compare {...view} />
    </div>
  );
}

/** The way to a comparison with another run. */
function Compare({ model, trans, run, app }: Of): JSX.Element | null {
  const [other, setOther] = React.useState('');
  const others = model.runs.filter(item => item.run !== run.run && item.status !== 'running');
  const first = others.some(item => item.run === other) ? other : others[0]?.run;
  return first === undefined ? null : (
    <div className="jp-nbprod-row">
      <select
        data-nbprod="compare-with"
        aria-label={trans.__('Run to compare with')}
        value={first}
        onChange={event => setOther(event.target.value)}
      >
        {others.map(item => (
          <option key={item.run} value={item.run}>
            {item.run.slice(0, 4)} · {ago(item.started, trans)} {wordOf(item.status, trans)}
          </option>
        ))}
      </select>
      <Button name="compare" onClick={() => openCompare(app.shell, model.api, { path: model.path, first, second: run.run }, trans)}>
        {trans.__('Compare')}
      </Button>
    </div>
  );
}

/** What the stages executed: as a notebook in JupyterLab, or as a page. */
function Executed({ model, trans, run, commands }: Of): JSX.Element | null {
  const kept = run.stages.filter(stage => stage.kept);
  const open = (stage: string): void => {
    const path = executedPath(model.path, run.run, stage);
    void commands.execute('docmanager:open', { path, kernelPreference: { shouldStart: false, canStart: false } });
  };
  return kept.length === 0 ? null : (
    <Fold name="executed" summary={trans.__('Executed notebooks')}>
      <ul className="jp-nbprod-list">
        {kept.map(({ name, status }) => (
          <li key={name} className="jp-nbprod-row">
            <span>
              {iconOf(status)} {name}
            </span>
            <Button data-nbprod-executed={name} onClick={() => open(name)}>
              {trans.__('Notebook')}
            </Button>
            <Page
              href={model.api.page(model.path, `runs/${run.run}/page/${name}`)}
              aria-label={trans.__('Executed notebook of %1 as a page', name)}
            >
              HTML
            </Page>
          </li>
        ))}
      </ul>
    </Fold>
  );
}

/** The first metric, with an arrow against the model that is deployed, else against the run before. */
function Summary({ model, trans, run }: Of): JSX.Element | null {
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
