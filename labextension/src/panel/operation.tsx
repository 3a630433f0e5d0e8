/** Long work besides a run: its steps with seconds while it goes on, then what came of it. */

import * as React from 'react';

import { IOperation, ISweep } from '../tokens';
import { usePassed } from './seconds';
import { IView, Wrong } from './widget';
import { iconOf, plain, seconds, short, wordOf } from './words';

export function Operation(view: IView & { operation: IOperation }): JSX.Element {
  const { model, trans, operation } = view;
  const { kind, state, result, error } = operation;
  const running = state === 'running';
  const passed = usePassed(model, operation.operation, operation.started, running);
  const took = running ? `${passed} s …` : operation.seconds ? seconds(operation.seconds) : '';
  return (
    <div className="jp-nbprod-card" data-nbprod="operation" data-nbprod-state={state} data-nbprod-kind={kind}>
      <p role="status">
        {iconOf(state)} {nameOf(kind, trans)} {wordOf(state, trans)} {took}
      </p>
      <Steps {...view} />
      {error && <Wrong problem={error} />}
      {error?.where?.cell && (
        <button className="jp-nbprod-button" onClick={() => model.jump(error.where!)}>
          {trans.__('Go to cell %1', error.where.cell)}
        </button>
      )}
      {kind === 'verify' && result && <Verdict {...view} result={result} />}
      {kind === 'sweep' && result && <Leaderboard {...view} sweep={result as ISweep} />}
      {kind === 'build' && result && (
        <p>
          <code>{String(result.image)}</code> {megabytes(result.bytes)}
        </p>
      )}
      <div className="jp-nbprod-row">
        {operation.report && (
          <a
            className="jp-nbprod-button"
            href={model.api.page(model.path, `operations/${operation.operation}/report`)}
            target="_blank"
            rel="noreferrer"
          >
            {trans.__('Report')}
          </a>
        )}
        {!running && (
          <button className="jp-nbprod-button" data-nbprod="dismiss" onClick={() => model.dismiss()}>
            {trans.__('Dismiss')}
          </button>
        )}
      </div>
    </div>
  );
}

function Steps({ model, trans, operation }: IView & { operation: IOperation }): JSX.Element {
  const steps = operation.steps;
  return (
    <ol className="jp-nbprod-list" data-nbprod="steps">
      {steps.map((step, place) => (
        <li key={place} data-nbprod-state={step.state}>
          {iconOf(step.state)} {step.name}{' '}
          <span className="jp-nbprod-number">
            {step.state === 'running' ? (
              <Passing model={model} name={`${operation.operation}:${place}`} since={step.since} />
            ) : step.state === 'cached' ? (
              trans.__('cached')
            ) : step.seconds === null ? (
              ''
            ) : (
              seconds(step.seconds)
            )}
          </span>
        </li>
      ))}
    </ol>
  );
}

function Passing({ model, name, since }: Pick<IView, 'model'> & { name: string; since: string | null }): JSX.Element {
  return <>{usePassed(model, name, since, true)} s …</>;
}

function Verdict({ model, trans, result }: IView & { result: { [name: string]: any } }): JSX.Element {
  const differences: { name: string; cell: number; cause: string; fix: string }[] = result.differences ?? [];
  return (
    <div data-nbprod="verdict" data-nbprod-equal={result.equal}>
      <p>
        {result.equal
          ? trans.__('✓ equal: %1 values and displays compared', result.compared)
          : trans.__('✗ differs: %1 of %2', differences.length, result.compared)}
      </p>
      {differences.map(item => (
        <button
          key={`${item.name}:${item.cell}`}
          className="jp-nbprod-line"
          data-nbprod-state="error"
          onClick={() => model.jump({ cell: item.cell, cell_id: null })}
        >
          ✗ <b>{item.name}</b> {item.cell ? trans.__('cell %1', item.cell) : ''} {item.cause} {item.fix}
        </button>
      ))}
    </div>
  );
}

function Leaderboard({ model, trans, sweep }: IView & { sweep: ISweep }): JSX.Element {
  const names = Object.keys(sweep.trials[0]?.parameters ?? {});
  const worth = (value: number | null): number => (value === null ? -Infinity : sweep.maximize ? value : -value);
  const rows = [...sweep.trials].sort((one, other) => worth(other.value) - worth(one.value));
  return (
    <table className="jp-nbprod-table" data-nbprod="leaderboard">
      <thead>
        <tr>
          <th />
          {names.map(name => (
            <th key={name}>{name}</th>
          ))}
          <th>{sweep.metric}</th>
        </tr>
      </thead>
      <tbody>
        {rows.map(trial => (
          <tr key={trial.number} data-nbprod-best={trial.number === sweep.best} title={trial.error?.message ?? trial.run ?? ''}>
            <td>
              {iconOf(trial.status)}
              {trial.number === sweep.best ? ` ${trans.__('best')}` : ''}
            </td>
            {names.map(name => (
              <td key={name}>{plain(trial.parameters[name])}</td>
            ))}
            <td>
              {trial.value === null ? wordOf(trial.status, trans) : short(trial.value)}{' '}
              {trial.number === sweep.best && (
                <button
                  className="jp-nbprod-button"
                  data-nbprod="use-best"
                  title={trans.__('Put these values into the form')}
                  onClick={() => model.set({ overrides: texts(trial.parameters) })}
                >
                  {trans.__('Use')}
                </button>
              )}
            </td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}

function texts(parameters: { [name: string]: unknown }): { [name: string]: string } {
  return Object.fromEntries(
    Object.entries(parameters).map(([name, value]) => [
      name,
      typeof value === 'boolean' ? (value ? 'True' : 'False') : plain(value)
    ])
  );
}

function nameOf(kind: string, trans: IView['trans']): string {
  const names: { [kind: string]: string } = {
    deploy: trans.__('deploy'),
    verify: trans.__('verify'),
    sweep: trans.__('sweep'),
    build: trans.__('image')
  };
  return names[kind] ?? kind;
}

function megabytes(bytes: unknown): string {
  return typeof bytes === 'number' ? `${(bytes / 1e6).toPrecision(3)} MB` : '';
}
