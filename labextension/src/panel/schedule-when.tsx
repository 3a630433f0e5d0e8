/** When a schedule is due: some common ways, or a cron expression of one's own. */

import * as React from 'react';

import { IView } from './widget';

/** What the form says of when; only what its preset uses counts. */
export interface IWhen {
  preset: string;
  time: string;
  day: string;
  cron: string;
}

interface IWhenFields extends Pick<IView, 'trans'> {
  when: IWhen;
  wrong: object;
  set(when: IWhen): void;
}

/** The fields for when. */
export function When({ trans, when, wrong, set }: IWhenFields): JSX.Element {
  const { preset, time, day, cron } = when;
  const days = [1, 2, 3, 4, 5, 6, 0].map(number => [String(number), dayName(number)]);
  return (
    <>
      <label className="jp-nbprod-row">
        <span>{trans.__('when')}</span>
        <select
          data-nbprod="schedule-preset"
          value={preset}
          onChange={event => set({ ...when, preset: event.target.value })}
        >
          <option value="hourly">{trans.__('every hour')}</option>
          <option value="daily">{trans.__('every day')}</option>
          <option value="weekdays">{trans.__('every weekday')}</option>
          <option value="weekly">{trans.__('every week')}</option>
          <option value="own">{trans.__('a cron expression')}</option>
        </select>
      </label>
      {preset === 'weekly' && (
        <label className="jp-nbprod-row">
          <span>{trans.__('on')}</span>
          <select data-nbprod="schedule-day" value={day} onChange={event => set({ ...when, day: event.target.value })}>
            {days.map(([value, words]) => (
              <option key={value} value={value}>
                {words}
              </option>
            ))}
          </select>
        </label>
      )}
      <label className="jp-nbprod-row">
        <span>{preset === 'own' ? 'cron' : preset === 'hourly' ? trans.__('at minute') : trans.__('at')}</span>
        {preset === 'own' ? (
          <input
            data-nbprod="schedule-cron"
            value={cron}
            {...wrong}
            onChange={event => set({ ...when, cron: event.target.value })}
          />
        ) : preset === 'hourly' ? (
          <input
            type="number"
            min={0}
            max={59}
            data-nbprod="schedule-minute"
            value={Number(time.split(':')[1])}
            onChange={event => set({ ...when, time: `${time.split(':')[0]}:${event.target.value || '0'}` })}
          />
        ) : (
          <input
            type="time"
            data-nbprod="schedule-time"
            value={time.replace(/:(\d)$/, ':0$1')}
            required
            onChange={event => set({ ...when, time: event.target.value || '00:00' })}
          />
        )}
      </label>
    </>
  );
}

/** Return the cron expression of what the form says. */
export function cronOf({ preset, time, day, cron }: IWhen): string {
  const [hour, minute] = time.split(':').map(Number);
  const days: { [preset: string]: string } = { weekdays: '1-5', weekly: day };
  return preset === 'own' ? cron : `${minute} ${preset === 'hourly' ? '*' : hour} * * ${days[preset] ?? '*'}`;
}

/** Return the name of a day of the week; 0 is Sunday, as in cron. */
function dayName(number: number): string {
  const day = new Date(Date.UTC(2023, 0, 1 + number)); // the first of January 2023 was a Sunday
  return new Intl.DateTimeFormat(undefined, { weekday: 'long', timeZone: 'UTC' }).format(day);
}
