/** Where the model is to be put: what can be used is offered, the rest says what is missing; gates; then the button. */

import * as React from 'react';

import { problemOf } from '../api';
import { IProblem, IRun, ITarget } from '../tokens';
import { startOperation } from '../verbs';
import { IView, Wrong } from './widget';

export function Deploy({ model, trans }: IView): JSX.Element {
  const [targets, setTargets] = React.useState<ITarget[]>([]);
  const [chosen, setChosen] = React.useState('local');
  const [problem, setProblem] = React.useState<IProblem | null>(null);
  React.useEffect(() => {
    model.api.targets(model.path).then(setTargets, error => setProblem(problemOf(error)));
  }, [model, model.path]);
  const submit = (event: React.FormEvent): void => {
    event.preventDefault();
    void startOperation(model, 'deploy', { target: chosen });
  };
  return (
    <form className="jp-nbprod-card" data-nbprod="deploy-form" onSubmit={submit}>
      <fieldset>
        <legend>{trans.__('Deploy to')}</legend>
        {targets.map(item => (
          <label key={item.name} className="jp-nbprod-choice" data-nbprod-target={item.name}>
            <input
              type="radio"
              name="jp-nbprod-target"
              value={item.name}
              checked={chosen === item.name}
              disabled={!item.available}
              onChange={() => setChosen(item.name)}
            />
            <span>
              <b>{item.name}</b>{' '}
              <span className="jp-nbprod-dim">{item.missing ?? words(item.name, trans)}</span>
            </span>
          </label>
        ))}
      </fieldset>
      <Gates trans={trans} run={model.runs.find(run => run.status === 'succeeded')} />
      {problem && <Wrong problem={problem} />}
      <div className="jp-nbprod-row">
        <button
          type="submit"
          className="jp-nbprod-button jp-nbprod-primary"
          data-nbprod="deploy-start"
          disabled={model.working || !targets.some(item => item.name === chosen && item.available)}
        >
          {trans.__('Deploy')}
        </button>
        <button type="button" className="jp-nbprod-button" onClick={() => model.set({ form: null })}>
          {trans.__('Cancel')}
        </button>
      </div>
    </form>
  );
}

function Gates({ trans, run }: Pick<IView, 'trans'> & { run: IRun | undefined }): JSX.Element {
  if (!run) {
    return <p className="jp-nbprod-dim">{trans.__('The notebook is run first; what has not changed is reused.')}</p>;
  }
  if (run.gates.length === 0) {
    return <p className="jp-nbprod-dim">{trans.__('No gate: any model of this notebook may be deployed.')}</p>;
  }
  return (
    <ul className="jp-nbprod-list" data-nbprod="gates">
      {run.gates.map(gate => (
        <li key={gate.expression} title={gate.detail}>
          {gate.held ? '✓' : '✗'} {trans.__('gate')} <code>{gate.expression}</code>{' '}
          {gate.held ? trans.__('held in run %1', run.run.slice(0, 4)) : trans.__('did not hold in run %1', run.run.slice(0, 4))}
        </li>
      ))}
    </ul>
  );
}

function words(target: string, trans: IView['trans']): string {
  const known: { [name: string]: string } = {
    local: trans.__('a process on the machine of this Jupyter server'),
    docker: trans.__('a locked-down container on its Docker engine')
  };
  return known[target] ?? '';
}
