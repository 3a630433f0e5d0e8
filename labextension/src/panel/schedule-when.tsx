/** When a schedule is due: some common ways, or a cron expression of one's own. */

import * as React from 'react';

import { Field, Select } from './parts';
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
  const [hour, minute] = time.split(':');
  const presets = [
    ['hourly', trans.__('every hour')],
    ['daily', trans.__('every day')],
    ['weekdays', trans.__('every weekday')],
    ['weekly', trans.__('every week')],
    ['own', trans.__('a cron expression')]
  ];
  const days = [1, 2, 3, 4, 5, 6, 0].map(number => [String(number), dayName(number)]);
  const to =
    (field: keyof IWhen, empty = '') =>
    (text: string) =>
      set({ ...when, [field]: text || empty });
  return (
    <>
      <Select name="schedule-preset" label={trans.__('when')} value={preset} options={presets} set={to('preset')} />
      {preset === 'weekly' && <Select name="schedule-day" label={trans.__('on')} value={day} options={days} set={to('day')} />}
      {preset === 'own' && <Field name="schedule-cron" label="cron" value={cron} {...wrong} set={to('cron')} />}
      {preset === 'hourly' && (
        <Field
          name="schedule-minute"
          label={trans.__('at minute')}
          type="number"
          min={0}
          max={59}
          value={Number(minute)}
          set={text => set({ ...when, time: `${hour}:${(text || '0').padStart(2, '0')}` })}
        />
      )}
      {!['own', 'hourly'].includes(preset) && (
        <Field name="schedule-time" label={trans.__('at')} type="time" value={time} required set={to('time', '00:00')} />
      )}
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
