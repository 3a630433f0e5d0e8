/** Where the model is to be put: what can be used is offered, the rest says what is missing; gates; then the button. */

import * as React from 'react';

import { IRun } from '../tokens';
import { startOperation } from '../verbs';
import { Button, Dim, Tick, useAsked, Wrong } from './parts';
import { IView } from './widget';

export function Deploy({ model, trans }: IView): JSX.Element {
  const { found, problem } = useAsked(() => model.api.targets(model.path), [model, model.path]);
  const [chosen, setChosen] = React.useState('local');
  const targets = found?.targets ?? [];
  const undecided = model.pipeline?.undecided ?? [];
  const open = undecided.length > 0 && !undecided.includes(model.chosen);
  const submit = (event: React.FormEvent): void => {
    event.preventDefault();
    void startOperation(model, 'deploy', { target: chosen });
  };
  const words: { [target: string]: string } = {
    local: trans.__('a process on the machine of this Jupyter server'),
    docker: trans.__('a locked-down container on its Docker engine')
  };
  return (
    <form className="jp-nbprod-card" data-nbprod="deploy-form" onSubmit={submit}>
      <fieldset>
        <legend>{trans.__('Deploy to')}</legend>
        {targets.map(({ name, available, missing }) => (
          <div key={name} data-nbprod-target={name}>
            <Tick type="radio" name="jp-nbprod-target" checked={chosen === name} disabled={!available} onChange={() => setChosen(name)}>
              <b>{name}</b> <span className="jp-nbprod-dim">{missing ?? words[name]}</span>
            </Tick>
          </div>
        ))}
      </fieldset>
      <Before trans={trans} run={model.runs.find(run => run.status === 'succeeded')} />
      {open && <p role="status">{trans.__('! Several names may hold the model (%1): choose one above.', undecided.join(', '))}</p>}
      <Wrong problem={problem} />
      <div className="jp-nbprod-row">
        <Button
          name="deploy-start"
          type="submit"
          primary
          disabled={model.working || open || !targets.some(item => item.name === chosen && item.available)}
        >
          {trans.__('Deploy')}
        </Button>
        <Button onClick={() => model.set({ form: null })}>{trans.__('Cancel')}</Button>
      </div>
    </form>
  );
}

/** What decides whether the model may be deployed, as the last run had it. */
function Before({ trans, run }: Pick<IView, 'trans'> & { run: IRun | undefined }): JSX.Element {
  if (!run) {
    return <Dim>{trans.__('The notebook is run first; what has not changed is reused.')}</Dim>;
  }
  if (run.gates.length === 0) {
    return <Dim>{trans.__('No gate: any model of this notebook may be deployed.')}</Dim>;
  }
  return (
    <div data-nbprod="gates">
      <Dim>{trans.__('In run %1:', run.run.slice(0, 4))}</Dim>
      <Gates trans={trans} run={run} />
    </div>
  );
}

/** The gates of a run, and whether they held. */
export function Gates({ trans, run }: Pick<IView, 'trans'> & { run: IRun }): JSX.Element {
  return (
    <>
      {run.gates.map(gate => (
        <p key={gate.expression} title={gate.detail}>
          {gate.held ? '✓' : '✗'} {trans.__('gate')} <code>{gate.expression}</code>{' '}
          {gate.held ? trans.__('held') : trans.__('did not hold')}
        </p>
      ))}
    </>
  );
}
