/** Two runs side by side, in the main area: parameters, metrics, stages, code, pictures, notes. */

import { JupyterFrontEnd } from '@jupyterlab/application';
import { MainAreaWidget, ReactWidget } from '@jupyterlab/apputils';
import { TranslationBundle } from '@jupyterlab/translation';
import * as React from 'react';

import { Api, problemOf } from './api';
import { Code, Notes, Pictures, Tables } from './compare-parts';
import { nbprodIcon } from './icons';
import { ago, iconOf, seconds, wordOf } from './panel/words';
import { IComparison, IProblem, IRun } from './tokens';

/** Which runs of which notebook. */
export interface ICompared {
  path: string;
  first: string;
  second: string;
}

/** Show two runs in a tab of their own, the one that shows them already if there is one. */
export function openCompare(shell: JupyterFrontEnd.IShell, api: Api, asked: ICompared, trans: TranslationBundle): void {
  const id = `nbprod-compare-${asked.first}-${asked.second}`;
  for (const open of shell.widgets('main')) {
    if (open.id === id) {
      shell.activateById(id);
      return;
    }
  }
  const content = ReactWidget.create(<Comparison api={api} asked={asked} trans={trans} />);
  content.addClass('jp-nbprod-compare');
  const widget = new MainAreaWidget({ content });
  widget.id = id;
  widget.title.label = `${asked.first.slice(0, 4)} ↔ ${asked.second.slice(0, 4)}`;
  widget.title.caption = trans.__('Runs %1 and %2 of %3', asked.first, asked.second, asked.path);
  widget.title.icon = nbprodIcon;
  widget.title.closable = true;
  shell.add(widget, 'main');
  shell.activateById(id);
}

interface IProps {
  api: Api;
  asked: ICompared;
  trans: TranslationBundle;
}

function Comparison({ api, asked, trans }: IProps): JSX.Element {
  const [found, setFound] = React.useState<IComparison | null>(null);
  const [problem, setProblem] = React.useState<IProblem | null>(null);
  const [only, setOnly] = React.useState(true);
  React.useEffect(() => {
    api.compare(asked.path, asked.first, asked.second).then(setFound, error => setProblem(problemOf(error)));
  }, [api, asked]);
  if (problem) {
    return (
      <p className="jp-nbprod-wrong" role="alert">
        ✗ <b>{problem.code}</b> {problem.message}
        {problem.hint ? ` · ${problem.hint}` : ''}
      </p>
    );
  }
  if (!found) {
    return <p role="status">{trans.__('reading both runs …')}</p>;
  }
  return (
    <>
      <h2>{trans.__('Two runs of %1', asked.path)}</h2>
      <Whole run={found.first} trans={trans} />
      <Whole run={found.second} trans={trans} />
      <label className="jp-nbprod-choice">
        <input
          type="checkbox"
          data-nbprod="compare-only"
          checked={only}
          onChange={event => setOnly(event.target.checked)}
        />
        <span>{trans.__('only what differs')}</span>
      </label>
      <Tables found={found} all={!only} trans={trans} />
      <Code found={found} trans={trans} />
      <Pictures found={found} all={!only} trans={trans} />
      <Notes found={found} trans={trans} />
    </>
  );
}

function Whole({ run, trans }: { run: IRun; trans: TranslationBundle }): JSX.Element {
  return (
    <p>
      <b>{run.run.slice(0, 4)}</b> {iconOf(run.status)} {wordOf(run.status, trans)} {ago(run.started, trans)}
      {run.seconds ? ` · ${seconds(run.seconds)}` : ''}
      {run.error ? ` · ${run.error.code} ${run.error.message}` : ''}
    </p>
  );
}
