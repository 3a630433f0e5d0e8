/** Run, Verify, Deploy, the forms behind them, and what came of them. */

import { Menu } from '@lumino/widgets';
import * as React from 'react';

import { Deploy } from './deploy';
import { Operation } from './operation';
import { Button } from './parts';
import { Sweep } from './sweep';
import { IView } from './widget';

const MORE = [
  'nbprod:run-from-here',
  'nbprod:run-anew',
  'nbprod:sweep-parameters',
  'nbprod:stop-run',
  'nbprod:check-notebook',
  'nbprod:build-image',
  'nbprod:open-mlflow'
];

export function Actions(view: IView): JSX.Element {
  const { model, commands, trans } = view;
  const button = (id: string, name: string, label: string): JSX.Element => (
    <Button
      name={name}
      className={`jp-nbprod-${name}`}
      data-command={id}
      title={commands.label(id)}
      disabled={!commands.isEnabled(id)}
      onClick={() => void commands.execute(id)}
    >
      {label}
    </Button>
  );
  const more = (event: React.MouseEvent): void => {
    const menu = new Menu({ commands });
    MORE.forEach(command => menu.addItem({ command }));
    const place = event.currentTarget.getBoundingClientRect();
    menu.open(place.left, place.bottom);
  };
  const stopping = model.live || model.operation?.state === 'running';
  return (
    <section className="jp-nbprod-section" data-nbprod="actions" aria-label={trans.__('Actions')}>
      <div className="jp-nbprod-row jp-nbprod-actions">
        {stopping
          ? button('nbprod:stop-run', 'stop', `■ ${trans.__('Stop')}`)
          : button('nbprod:run-pipeline', 'run', `▶ ${trans.__('Run')}`)}
        <Button name="more" aria-haspopup="menu" aria-label={trans.__('More')} onClick={more}>
          ▾
        </Button>
        {button('nbprod:verify-notebook', 'verify', trans.__('Verify'))}
        {button('nbprod:deploy-notebook', 'deploy', trans.__('Deploy'))}
      </div>
      <p className="jp-nbprod-dim jp-nbprod-busy" role="status">
        {model.busy && `${model.busy} …`}
      </p>
      {model.form === 'deploy' && <Deploy {...view} />}
      {model.form === 'sweep' && <Sweep {...view} />}
      {model.operation && <Operation {...view} operation={model.operation} />}
    </section>
  );
}
