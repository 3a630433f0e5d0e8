/** The panel as a widget of the shell: a frame around the views, drawn anew when the model changes. */

import { JupyterFrontEnd } from '@jupyterlab/application';
import { ReactWidget, UseSignal } from '@jupyterlab/apputils';
import { TranslationBundle } from '@jupyterlab/translation';
import { CommandRegistry } from '@lumino/commands';
import * as React from 'react';

import { nbprodIcon } from '../icons';
import { Model, Tab } from '../model';
import { Actions } from './actions';
import { Endpoints } from './endpoints';
import { Header } from './header';
import { Monitor } from './monitor';
import { Parameters } from './parameters';
import { Button } from './parts';
import { Picture } from './picture';
import { Problems } from './problems';
import { Runs } from './runs';
import { Schedule } from './schedule';
import { Suggested } from './suggest';
import { TagField } from './tag-field';

/** What every view is given. */
export interface IView {
  model: Model;
  commands: CommandRegistry;
  trans: TranslationBundle;
  app: JupyterFrontEnd;
}

/** The nbprod panel. */
export class NbprodPanel extends ReactWidget {
  constructor(private readonly view: IView) {
    super();
    this.id = 'nbprod-panel';
    this.title.icon = nbprodIcon;
    this.title.caption = view.trans.__('nbprod: pipeline, runs, endpoints');
    this.addClass('jp-nbprod');
    this.node.setAttribute('role', 'region');
    this.node.setAttribute('aria-label', 'nbprod');
  }

  protected render(): JSX.Element {
    return <UseSignal signal={this.view.model.changed}>{() => <Panel {...this.view} />}</UseSignal>;
  }
}

function Panel(view: IView): JSX.Element {
  const { model, trans, commands } = view;
  if (!model.panel) {
    return (
      <div className="jp-nbprod-empty" data-nbprod="no-notebook">
        <p>{trans.__('Open a notebook: its stages, runs and endpoints are shown here.')}</p>
        <Button onClick={() => void commands.execute('nbprod:open-example')}>{trans.__('Open an example')}</Button>
      </div>
    );
  }
  return (
    <div className="jp-nbprod-body" data-nbprod="panel" data-nbprod-server={model.server}>
      <Header {...view} />
      {model.server === 'missing' ? (
        <>
          <TagField {...view} />
          <Missing {...view} />
        </>
      ) : (
        <Tabs {...view} />
      )}
    </div>
  );
}

function Tabs(view: IView): JSX.Element {
  const { model, trans } = view;
  const tabs: [Tab, string][] = [
    ['pipeline', trans.__('Pipeline')],
    ['schedule', trans.__('Schedule')],
    ['monitor', trans.__('Monitor')]
  ];
  const move = (event: React.KeyboardEvent): void => {
    const step = event.key === 'ArrowRight' ? 1 : event.key === 'ArrowLeft' ? -1 : 0;
    if (step) {
      const place = tabs.findIndex(([name]) => name === model.tab);
      const next = tabs[(place + step + tabs.length) % tabs.length][0];
      model.set({ tab: next });
      const bar = event.currentTarget;
      window.requestAnimationFrame(() => bar.querySelector<HTMLElement>(`[data-nbprod-tab="${next}"]`)?.focus());
    }
  };
  return (
    <>
      <div className="jp-nbprod-tabs" role="tablist" aria-label={trans.__('Views')} onKeyDown={move}>
        {tabs.map(([name, label]) => (
          <button
            key={name}
            id={`jp-nbprod-tab-${name}`}
            role="tab"
            aria-selected={model.tab === name}
            aria-controls="jp-nbprod-view"
            tabIndex={model.tab === name ? 0 : -1}
            data-nbprod-tab={name}
            onClick={() => model.set({ tab: name })}
          >
            {label}
          </button>
        ))}
      </div>
      <div id="jp-nbprod-view" role="tabpanel" aria-labelledby={`jp-nbprod-tab-${model.tab}`}>
        {model.tab === 'schedule' && <Schedule {...view} />}
        {model.tab === 'monitor' && <Monitor {...view} />}
        {model.tab === 'pipeline' && <Main {...view} />}
      </div>
    </>
  );
}

function Main(view: IView): JSX.Element {
  return (
    <>
      <TagField {...view} />
      {view.model.suggestion ? <Suggested {...view} suggestion={view.model.suggestion} /> : <Picture {...view} />}
      <Parameters {...view} />
      <Actions {...view} />
      <Runs {...view} />
      <Endpoints {...view} />
      <Problems {...view} />
    </>
  );
}

function Missing({ model, trans }: IView): JSX.Element {
  return (
    <section className="jp-nbprod-empty" data-nbprod="server-missing">
      <p>{trans.__('nbprod is not on this Jupyter server. Cells can be tagged; to run them, install it where the server runs:')}</p>
      <code>jupyter server extension enable nbprod.interfaces.server</code>
      <p>{trans.__('Then start the server again.')}</p>
      <Button onClick={() => void model.look()}>{trans.__('Look again')}</Button>
    </section>
  );
}
