/** When the notebook runs by itself: its schedules with their next times and what became of the last ones. */

import { Dialog, showDialog } from '@jupyterlab/apputils';
import * as React from 'react';

import { ISchedule, ISchedules } from '../tokens';
import { Button, Dim, Fold, Section, useAsked, Wrong } from './parts';
import { AddSchedule } from './schedule-form';
import { clock, Times } from './times';
import { IView } from './widget';
import { assigned, iconOf, wordOf } from './words';

/** Asks for a change and shows the schedules that come back. */
export type Change = (work: () => Promise<ISchedules>) => Promise<void>;

/** What views that change schedules are given. */
export interface IChanging extends IView {
  busy: boolean;
  change: Change;
}

export function Schedule(view: IView): JSX.Element {
  return <OfNotebook key={view.model.path} {...view} />;
}

function OfNotebook(view: IView): JSX.Element {
  const { model, trans } = view;
  const [busy, setBusy] = React.useState(false);
  const { run, status } = model.runs[0] ?? {};
  const { found, problem, again } = useAsked(() => model.api.schedules(model.path), [model, model.schedulesToken, run, status]);
  const change: Change = async work => {
    setBusy(true);
    await again(work);
    setBusy(false);
  };
  const changing = { ...view, busy, change };
  const schedules = found?.schedules ?? [];
  return (
    <>
      <Section title={trans.__('Schedules')} name="schedules">
        <Wrong problem={problem} />
        {found && schedules.length === 0 && <Dim>{trans.__('This notebook runs only when asked. Add a time below.')}</Dim>}
        {schedules.map(item => (
          <One key={item.name} {...changing} item={item} />
        ))}
        {found && schedules.length > 0 && <Server {...changing} found={found} />}
      </Section>
      {found && <AddSchedule {...changing} taken={schedules.map(item => item.name)} />}
    </>
  );
}

/** Says whether anything runs what is due; to resume a schedule starts what does. */
function Server({ model, trans, found, busy, change }: IChanging & { found: ISchedules }): JSX.Element {
  const due = found.schedules.find(item => !item.paused);
  const idle = due ? trans.__('! no process runs what is due') : trans.__('■ nothing is due: every schedule is paused');
  return (
    <p role="status" data-nbprod="scheduler" data-nbprod-running={found.running}>
      {found.running ? trans.__('● a process on the server runs what is due') : idle}{' '}
      {!found.running && due && (
        <Button name="scheduler-start" disabled={busy} onClick={() => void change(() => model.api.pause(model.path, due.name, false))}>
          {trans.__('Start one')}
        </Button>
      )}
    </p>
  );
}

function One(props: IChanging & { item: ISchedule }): JSX.Element {
  const { model, trans, item, busy, change } = props;
  const { api, path } = model;
  const { name, paused, next, tz } = item;
  const remove = async (): Promise<void> => {
    const answer = await showDialog({
      title: trans.__('Remove the schedule %1?', name),
      body: trans.__('What its runs left stays.'),
      buttons: [Dialog.cancelButton(), Dialog.warnButton({ label: trans.__('Remove') })]
    });
    if (answer.button.accept) {
      await change(() => api.unschedule(path, name));
    }
  };
  const now = (): Promise<void> => model.act(trans.__('starting the run'), () => api.scheduleNow(path, name), true);
  return (
    <article className="jp-nbprod-card" data-nbprod-schedule={name} aria-label={name}>
      <p>
        {paused ? `■ ${trans.__('paused')}` : `● ${trans.__('on')}`} <b>{name}</b> {item.words} <span className="jp-nbprod-dim">{tz}</span>
      </p>
      {Object.keys(item.parameters).length > 0 && <Dim>{assigned(item.parameters)}</Dim>}
      {next.length > 0 && (
        <Fold name="schedule-next" summary={trans.__('next %1', clock(next[0], tz))}>
          <Times trans={trans} times={next} tz={tz} />
        </Fold>
      )}
      {item.history.length > 0 && <History {...props} />}
      <div className="jp-nbprod-row jp-nbprod-actions">
        <Button name="schedule-pause" disabled={busy} onClick={() => void change(() => api.pause(path, name, !paused))}>
          {paused ? trans.__('Resume') : trans.__('Pause')}
        </Button>
        <Button name="schedule-now" disabled={model.working} onClick={() => void now()}>
          {trans.__('Run now')}
        </Button>
        <Button name="schedule-remove" disabled={busy} onClick={() => void remove()}>
          {trans.__('Remove')}
        </Button>
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
  const line = ({ due, run, status, message }: ISchedule['history'][number]): JSX.Element => {
    const state = status === 'started' ? 'running' : status;
    const title = trans.__('Show run %1', run.slice(0, 4));
    return (
      <li key={due}>
        <button className="jp-nbprod-line" data-nbprod-state={state} title={title} onClick={() => void open(run)}>
          {iconOf(state)} {wordOf(state, trans)} {clock(due, item.tz)} <code>{run.slice(0, 4)}</code> {message}
        </button>
      </li>
    );
  };
  return (
    <Fold name="schedule-history" summary={trans._n('%1 past time', '%1 past times', item.history.length)}>
      <ul className="jp-nbprod-list">{item.history.map(line)}</ul>
    </Fold>
  );
}
