/** The panel as a widget of the shell: a frame around the views, drawn anew when the model changes. */

import { ReactWidget, UseSignal } from '@jupyterlab/apputils';
import { TranslationBundle } from '@jupyterlab/translation';
import { CommandRegistry } from '@lumino/commands';
import * as React from 'react';

import { nbprodIcon } from '../icons';
import { Model } from '../model';
import { Actions } from './actions';
import { Endpoints } from './endpoints';
import { Header } from './header';
import { Parameters } from './parameters';
import { Picture } from './picture';
import { Problems } from './problems';
import { Runs } from './runs';
import { TagField } from './tag-field';

/** What every view is given. */
export interface IView {
  model: Model;
  commands: CommandRegistry;
  trans: TranslationBundle;
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
  const { model, trans } = view;
  if (!model.panel) {
    return (
      <div className="jp-nbprod-empty" data-nbprod="no-notebook">
        <p>{trans.__('Open a notebook: its stages, runs and endpoints are shown here.')}</p>
      </div>
    );
  }
  return (
    <div className="jp-nbprod-body" data-nbprod="panel" data-nbprod-server={model.server}>
      <Header {...view} />
      <TagField {...view} />
      {model.server === 'missing' ? (
        <Missing {...view} />
      ) : (
        <>
          <Picture {...view} />
          <Parameters {...view} />
          <Actions {...view} />
          <Runs {...view} />
          <Endpoints {...view} />
          <Problems {...view} />
        </>
      )}
    </div>
  );
}

function Missing({ model, trans }: IView): JSX.Element {
  return (
    <section className="jp-nbprod-empty" data-nbprod="server-missing">
      <p>{trans.__('nbprod is not on this Jupyter server. Cells can be tagged; to run them, install it where the server runs:')}</p>
      <code>jupyter server extension enable nbprod.interfaces.server</code>
      <p>{trans.__('Then start the server again.')}</p>
      <button className="jp-nbprod-button" onClick={() => void model.look()}>
        {trans.__('Look again')}
      </button>
    </section>
  );
}

/** A titled part of the panel. */
export function Section(props: { title: string; name: string; children: React.ReactNode }): JSX.Element {
  return (
    <section className="jp-nbprod-section" data-nbprod={props.name}>
      <h3>{props.title}</h3>
      {props.children}
    </section>
  );
}
