/** Long work besides a run: its steps with seconds while it goes on, then what came of it. */

import * as React from 'react';

import { IOperation, ISweep } from '../tokens';
import { asLiteral } from '../verbs';
import { Button, Page, Row, Table } from './parts';
import { Problem } from './problem';
import { usePassed } from './seconds';
import { IView } from './widget';
import { iconOf, plain, seconds, short, wordOf } from './words';

type Of = IView & { operation: IOperation };

export function Operation(view: Of): JSX.Element {
  const { model, trans, operation } = view;
  const { operation: id, kind, state, result, error, started } = operation;
  const running = state === 'running';
  const passed = usePassed(model, id, started, running);
  const took = running ? `${passed} s …` : operation.seconds ? seconds(operation.seconds) : '';
  const names = { deploy: trans.__('deploy'), verify: trans.__('verify'), sweep: trans.__('sweep'), build: trans.__('image') };
  const report = model.api.page(model.path, `operations/${id}/report`);
  return (
    <div className="jp-nbprod-card" data-nbprod="operation" data-nbprod-operation={id} data-nbprod-state={state} data-nbprod-kind={kind}>
      <p role="status">
        {iconOf(state)} {names[kind]} {wordOf(state, trans)} {took}
      </p>
      <Steps {...view} />
      {error && <Problem {...view} name="operation-problem" problem={error} />}
      {kind === 'verify' && result && <Verdict {...view} result={result} />}
      {kind === 'sweep' && result && <Leaderboard {...view} sweep={result as ISweep} />}
      {kind === 'build' && result && (
        <p>
          <code>{String(result.image)}</code> {megabytes(result.bytes)}
        </p>
      )}
      <div className="jp-nbprod-row">
        {operation.report && <Page href={report}>{trans.__('Report')}</Page>}
        {!running && (
          <Button name="dismiss" onClick={() => model.dismiss()}>
            {trans.__('Dismiss')}
          </Button>
        )}
      </div>
    </div>
  );
}

function Steps({ model, trans, operation }: Of): JSX.Element {
  const { operation: id, steps } = operation;
  return (
    <ol className="jp-nbprod-list" data-nbprod="steps">
      {steps.map((step, place) => (
        <li key={place} data-nbprod-state={step.state}>
          {iconOf(step.state)} {step.name}{' '}
          <span className="jp-nbprod-number">
            {step.state === 'running' && <Passing model={model} name={`${id}:${place}`} since={step.since} />}
            {step.state === 'cached' && trans.__('cached')}
            {!['running', 'cached'].includes(step.state) && step.seconds !== null && seconds(step.seconds)}
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
      {differences.map(({ name, cell, cause, fix }) => (
        <button
          key={`${name}:${cell}`}
          className="jp-nbprod-line"
          data-nbprod-state="error"
          onClick={() => model.jump({ cell, cell_id: null })}
        >
          ✗ <b>{name}</b> {cell ? trans.__('cell %1', cell) : ''} {cause} {fix}
        </button>
      ))}
    </div>
  );
}

/** Trials of a sweep, the best first; its values can be taken over into the form. */
function Leaderboard({ model, trans, sweep }: IView & { sweep: ISweep }): JSX.Element {
  const names = Object.keys(sweep.trials[0]?.parameters ?? {});
  const worth = (value: number | null): number => (value === null ? -Infinity : sweep.maximize ? value : -value);
  const use = (values: { [name: string]: unknown }): void => {
    model.set({ overrides: Object.fromEntries(Object.entries(values).map(([name, value]) => [name, asLiteral(value)])) });
  };
  const row = ({ number, parameters, run, status, value, error }: ISweep['trials'][number]): Row => {
    const best = number === sweep.best;
    const result = (
      <>
        {value === null ? wordOf(status, trans) : short(value)}{' '}
        {best && (
          <Button name="use-best" title={trans.__('Put these values into the form')} onClick={() => use(parameters)}>
            {trans.__('Use')}
          </Button>
        )}
      </>
    );
    const state = `${iconOf(status)} ${best ? trans.__('best') : ''}`;
    const cells = [state, ...names.map(name => plain(parameters[name])), result];
    return { 'data-nbprod-best': best, title: error?.message ?? run ?? '', cells };
  };
  const rows = [...sweep.trials].sort((one, other) => worth(other.value) - worth(one.value)).map(row);
  return <Table name="leaderboard" head={['', ...names, sweep.metric]} rows={rows} />;
}

function megabytes(bytes: unknown): string {
  return typeof bytes === 'number' ? `${(bytes / 1e6).toPrecision(3)} MB` : '';
}
