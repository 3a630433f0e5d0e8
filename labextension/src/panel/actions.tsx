/** Run, Verify, Deploy, and what came of the last two. */

import { Menu } from '@lumino/widgets';
import * as React from 'react';

import { IOperation } from '../tokens';
import { IView } from './widget';
import { iconOf, wordOf } from './words';

const MORE = ['nbprod:run-from-here', 'nbprod:run-anew', 'nbprod:stop-run', 'nbprod:check-notebook'];

export function Actions(view: IView): JSX.Element {
  const { model, commands, trans } = view;
  const button = (id: string, name: string, label: string): JSX.Element => (
    <button
      className={`jp-nbprod-button jp-nbprod-${name}`}
      data-nbprod={name}
      title={commands.label(id)}
      disabled={!commands.isEnabled(id)}
      onClick={() => void commands.execute(id)}
    >
      {label}
    </button>
  );
  const more = (event: React.MouseEvent): void => {
    const menu = new Menu({ commands });
    MORE.forEach(command => menu.addItem({ command }));
    const place = event.currentTarget.getBoundingClientRect();
    menu.open(place.left, place.bottom);
  };
  return (
    <section className="jp-nbprod-section" data-nbprod="actions">
      <div className="jp-nbprod-row jp-nbprod-actions">
        {model.live
          ? button('nbprod:stop-run', 'stop', `■ ${trans.__('Stop')}`)
          : button('nbprod:run-pipeline', 'run', `▶ ${trans.__('Run')}`)}
        <button className="jp-nbprod-button" aria-haspopup="menu" aria-label={trans.__('More')} onClick={more}>
          ▾
        </button>
        {button('nbprod:verify-notebook', 'verify', trans.__('Verify'))}
        {button('nbprod:deploy-notebook', 'deploy', trans.__('Deploy'))}
      </div>
      {model.busy && <p className="jp-nbprod-dim">{model.busy} …</p>}
      {model.operation && <Operation {...view} operation={model.operation} />}
    </section>
  );
}

function Operation({ model, trans, operation }: IView & { operation: IOperation }): JSX.Element {
  const { kind, state, steps, result, error } = operation;
  const running = state === 'running';
  const passed = Math.max(0, Math.floor((Date.now() - Date.parse(operation.started)) / 1000));
  const name = kind === 'deploy' ? trans.__('deploy') : trans.__('verify');
  return (
    <div className="jp-nbprod-operation" aria-live="polite" data-nbprod="operation" data-nbprod-state={state}>
      <p>
        {iconOf(state)} {name} {wordOf(state, trans)} {running ? `${passed} s …` : ''}
      </p>
      {running && steps.slice(-3).map((step, place) => <p key={place} className="jp-nbprod-dim">{step.name}</p>)}
      {error && (
        <p className="jp-nbprod-wrong">
          <b>{error.code}</b> {error.message}
          {error.hint ? ` · ${error.hint}` : ''}
        </p>
      )}
      {kind === 'verify' && result && <Verdict trans={trans} result={result} />}
      {!running && (
        <button className="jp-nbprod-button" onClick={() => model.dismiss()}>
          {trans.__('Dismiss')}
        </button>
      )}
    </div>
  );
}

function Verdict({ trans, result }: Pick<IView, 'trans'> & { result: { [name: string]: any } }): JSX.Element {
  const differences: { name: string; cell: number; fix: string }[] = result.differences ?? [];
  return (
    <>
      <p>
        {result.equal
          ? trans.__('✓ equal: %1 values compared', result.compared)
          : trans.__('✗ differs: %1 of %2 values', differences.length, result.compared)}
      </p>
      {differences.map(item => (
        <p key={item.name}>
          {trans.__('%1, cell %2', item.name, item.cell)} {item.fix}
        </p>
      ))}
    </>
  );
}
