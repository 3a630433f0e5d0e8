/** When the notebook runs by itself: its schedules with their next times and what became of the last ones. */

import { Dialog, showDialog } from '@jupyterlab/apputils';
import * as React from 'react';

import { problemOf } from '../api';
import { IProblem, ISchedule, ISchedules } from '../tokens';
import { AddSchedule } from './schedule-form';
import { clock, Times } from './times';
import { IView, Section, Wrong } from './widget';
import { iconOf, plain, wordOf } from './words';

/** Asks for a change and shows the schedules that come back. */
export type Change = (work: () => Promise<ISchedules>) => Promise<void>;

export function Schedule(view: IView): JSX.Element {
  return <OfNotebook key={view.model.path} {...view} />;
}

function OfNotebook(view: IView): JSX.Element {
  const { model, trans } = view;
  const [found, setFound] = React.useState<ISchedules | null>(null);
  const [problem, setProblem] = React.useState<IProblem | null>(null);
  const [busy, setBusy] = React.useState(false);
  const asked = React.useRef(0);
  const take = async (work: () => Promise<ISchedules>): Promise<void> => {
    const number = ++asked.current;
    try {
      const answer = await work();
      if (number === asked.current) {
        setFound(answer);
        setProblem(null);
      }
    } catch (error) {
      setProblem(problemOf(error));
    }
  };
  const change: Change = async work => {
    setBusy(true);
    await take(work);
    setBusy(false);
  };
  const newest = model.runs[0];
  React.useEffect(
    () => void take(() => model.api.schedules(model.path)),
    [model, model.schedulesToken, newest?.run, newest?.status]
  );
  const schedules = found?.schedules ?? [];
  return (
    <>
      <Section title={trans.__('Schedules')} name="schedules">
        {problem && <Wrong problem={problem} />}
        {found !== null && schedules.length === 0 && (
          <p className="jp-nbprod-dim">{trans.__('This notebook runs only when asked. Add a time below.')}</p>
        )}
        {schedules.map(item => (
          <One key={item.name} {...view} {...{ item, busy, change }} />
        ))}
        {found !== null && schedules.length > 0 && <Server {...view} {...{ found, busy, change }} />}
      </Section>
      {found !== null && <AddSchedule {...view} {...{ busy, change }} taken={schedules.map(item => item.name)} />}
    </>
  );
}

interface IChanging extends IView {
  busy: boolean;
  change: Change;
}

/** Says whether anything runs what is due; to resume a schedule starts what does. */
function Server({ model, trans, found, busy, change }: IChanging & { found: ISchedules }): JSX.Element {
  const due = found.schedules.find(item => !item.paused);
  return (
    <p role="status" data-nbprod="scheduler" data-nbprod-running={found.running}>
      {found.running
        ? trans.__('● a process on the server runs what is due')
        : due
          ? trans.__('! no process runs what is due')
          : trans.__('■ nothing is due: every schedule is paused')}{' '}
      {!found.running && due && (
        <button
          className="jp-nbprod-button"
          data-nbprod="scheduler-start"
          disabled={busy}
          onClick={() => void change(() => model.api.pause(model.path, due.name, false))}
        >
          {trans.__('Start one')}
        </button>
      )}
    </p>
  );
}

function One(props: IChanging & { item: ISchedule }): JSX.Element {
  const { model, trans, item, busy, change } = props;
  const { api, path } = model;
  const remove = async (): Promise<void> => {
    const answer = await showDialog({
      title: trans.__('Remove the schedule %1?', item.name),
      body: trans.__('What its runs left stays.'),
      buttons: [Dialog.cancelButton(), Dialog.warnButton({ label: trans.__('Remove') })]
    });
    if (answer.button.accept) {
      await change(() => api.unschedule(path, item.name));
    }
  };
  const now = (): Promise<void> => model.act(trans.__('starting the run'), () => api.scheduleNow(path, item.name), true);
  const given = Object.entries(item.parameters);
  return (
    <article className="jp-nbprod-card" data-nbprod-schedule={item.name} aria-label={item.name}>
      <p>
        {item.paused ? `■ ${trans.__('paused')}` : `● ${trans.__('on')}`} <b>{item.name}</b> {item.words}{' '}
        <span className="jp-nbprod-dim">{item.tz}</span>
      </p>
      {given.length > 0 && (
        <p className="jp-nbprod-dim">{given.map(([name, value]) => `${name} = ${plain(value)}`).join(' · ')}</p>
      )}
      {item.next.length > 0 && (
        <details className="jp-nbprod-fold" data-nbprod="schedule-next">
          <summary>{trans.__('next %1', clock(item.next[0], item.tz))}</summary>
          <Times trans={trans} times={item.next} tz={item.tz} />
        </details>
      )}
      {item.history.length > 0 && <History {...props} />}
      <div className="jp-nbprod-row jp-nbprod-actions">
        <button
          className="jp-nbprod-button"
          data-nbprod="schedule-pause"
          disabled={busy}
          onClick={() => void change(() => api.pause(path, item.name, !item.paused))}
        >
          {item.paused ? trans.__('Resume') : trans.__('Pause')}
        </button>
        <button className="jp-nbprod-button" data-nbprod="schedule-now" disabled={model.working} onClick={() => void now()}>
          {trans.__('Run now')}
        </button>
        <button className="jp-nbprod-button" data-nbprod="schedule-remove" disabled={busy} onClick={() => void remove()}>
          {trans.__('Remove')}
        </button>
      </div>
    </article>
  );
}

/** Past times, newest first; each leads to its run. */
function History({ model, trans, item }: IView & { item: ISchedule }): JSX.Element {
  const open = (id: string): Promise<void> =>
    model.act(trans.__('looking up the run'), async path => {
      const run = model.runs.find(known => known.run === id) ?? (await model.api.oneRun(path, id));
      model.set({ run, tab: 'pipeline' });
    });
  return (
    <details className="jp-nbprod-fold" data-nbprod="schedule-history">
      <summary>{trans._n('%1 past time', '%1 past times', item.history.length)}</summary>
      <ul className="jp-nbprod-list">
        {item.history.map(({ due, run, status, message }) => {
          const state = status === 'started' ? 'running' : status;
          return (
            <li key={due}>
              <button
                className="jp-nbprod-line"
                data-nbprod-state={state}
                title={trans.__('Show run %1', run.slice(0, 4))}
                onClick={() => void open(run)}
              >
                {iconOf(state)} {wordOf(state, trans)} {clock(due, item.tz)} <code>{run.slice(0, 4)}</code> {message}
              </button>
            </li>
          );
        })}
      </ul>
    </details>
  );
}
