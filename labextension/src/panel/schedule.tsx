/** When the notebook runs by itself: its schedules with their next times and what became of the last ones. */

import { Dialog, showDialog } from '@jupyterlab/apputils';
import * as React from 'react';

import { problemOf } from '../api';
import { IProblem, ISchedule, ISchedules } from '../tokens';
import { AddSchedule } from './schedule-form';
import { IView, Section, Wrong } from './widget';
import { iconOf, plain, wordOf } from './words';

export function Schedule(view: IView): JSX.Element {
  const { model, trans } = view;
  const [found, setFound] = React.useState<ISchedules | null>(null);
  const [problem, setProblem] = React.useState<IProblem | null>(null);
  const take = async (asked: Promise<ISchedules>): Promise<void> => {
    try {
      setFound(await asked);
      setProblem(null);
    } catch (error) {
      setProblem(problemOf(error));
    }
  };
  React.useEffect(() => void take(model.api.schedules(model.path)), [model, model.path, model.schedulesToken]);
  return (
    <>
      <Section title={trans.__('Schedules')} name="schedules">
        {problem && <Wrong problem={problem} />}
        {found?.schedules.length === 0 && (
          <p className="jp-nbprod-dim">{trans.__('This notebook runs only when asked. Add a time below.')}</p>
        )}
        {found?.schedules.map(item => <One key={item.name} {...view} item={item} take={take} />)}
        {found !== null && found.schedules.length > 0 && (
          <p role="status" data-nbprod="scheduler">
            {found.running
              ? trans.__('● a process runs what is due')
              : trans.__('■ no process runs what is due: resume a schedule, or start one with nbprod schedule serve')}
          </p>
        )}
      </Section>
      <AddSchedule {...view} taken={(found?.schedules ?? []).map(item => item.name)} take={take} />
    </>
  );
}

interface IOne extends IView {
  item: ISchedule;
  take: (asked: Promise<ISchedules>) => Promise<void>;
}

function One({ model, trans, item, take }: IOne): JSX.Element {
  const { api, path } = model;
  const remove = async (): Promise<void> => {
    const answer = await showDialog({
      title: trans.__('Remove the schedule %1?', item.name),
      body: trans.__('What its runs left stays.'),
      buttons: [Dialog.cancelButton(), Dialog.warnButton({ label: trans.__('Remove') })]
    });
    if (answer.button.accept) {
      await take(api.unschedule(path, item.name));
    }
  };
  const now = (): Promise<void> => model.act(trans.__('starting the run'), () => api.scheduleNow(path, item.name));
  const given = Object.entries(item.parameters);
  return (
    <article className="jp-nbprod-card" data-nbprod-schedule={item.name} aria-label={item.name}>
      <p>
        {item.paused ? '■' : '●'} <b>{item.name}</b> {item.words} <span className="jp-nbprod-dim">{item.tz}</span>{' '}
        {item.paused && trans.__('paused')}
      </p>
      {given.length > 0 && (
        <p className="jp-nbprod-dim">{given.map(([name, value]) => `${name} = ${plain(value)}`).join(' · ')}</p>
      )}
      <Times trans={trans} times={item.next} tz={item.tz} />
      <History {...{ model, trans, item }} />
      <div className="jp-nbprod-row jp-nbprod-actions">
        <button
          className="jp-nbprod-button"
          data-nbprod="schedule-pause"
          onClick={() => void take(api.pause(path, item.name, !item.paused))}
        >
          {item.paused ? trans.__('Resume') : trans.__('Pause')}
        </button>
        <button className="jp-nbprod-button" data-nbprod="schedule-now" disabled={model.working} onClick={() => void now()}>
          {trans.__('Run now')}
        </button>
        <button className="jp-nbprod-button" data-nbprod="schedule-remove" onClick={() => void remove()}>
          {trans.__('Remove')}
        </button>
      </div>
    </article>
  );
}

/** The next times, in the schedule's own time zone; in the reader's as well where that is another. */
export function Times({ trans, times, tz }: Pick<IView, 'trans'> & { times: string[]; tz: string }): JSX.Element | null {
  if (times.length === 0) {
    return null;
  }
  const here = Intl.DateTimeFormat().resolvedOptions().timeZone;
  return (
    <details className="jp-nbprod-fold">
      <summary>{trans.__('next %1', told(times[0], tz))}</summary>
      <ol className="jp-nbprod-list">
        {times.map(time => (
          <li key={time}>
            <span className="jp-nbprod-tabular">{told(time, tz)}</span>
            {here !== tz && <span className="jp-nbprod-dim"> {trans.__('here %1', told(time, here))}</span>}
          </li>
        ))}
      </ol>
    </details>
  );
}

function History({ model, trans, item }: Pick<IOne, 'model' | 'trans' | 'item'>): JSX.Element | null {
  if (item.history.length === 0) {
    return null;
  }
  const open = (id: string): void => {
    const run = model.runs.find(known => known.run === id);
    if (run) {
      model.show(run);
      model.set({ tab: 'pipeline' });
    }
  };
  return (
    <details className="jp-nbprod-fold" data-nbprod="schedule-history">
      <summary>{trans.__('History')}</summary>
      <ul className="jp-nbprod-list">
        {item.history.map(time => (
          <li key={`${time.due}${time.run}`}>
            <button className="jp-nbprod-line" data-nbprod-state={time.status} onClick={() => open(time.run)}>
              {iconOf(time.status === 'started' ? 'running' : time.status)} {told(time.due, item.tz)}{' '}
              {wordOf(time.status === 'started' ? 'running' : time.status, trans)} {time.message}
            </button>
          </li>
        ))}
      </ul>
    </details>
  );
}

/** Return a moment as people of a time zone write it. */
function told(moment: string, tz: string): string {
  const style = { dateStyle: 'medium', timeStyle: 'short', timeZone: tz } as const;
  return new Intl.DateTimeFormat(undefined, style).format(new Date(moment));
}
