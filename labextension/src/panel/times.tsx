/** Moments as people of a time zone write them. */

import { TranslationBundle } from '@jupyterlab/translation';
import * as React from 'react';

/** Return the name of the reader's own time zone. */
export function zoneHere(): string {
  return Intl.DateTimeFormat().resolvedOptions().timeZone || 'UTC';
}

/** Return a moment as a clock of a time zone shows it; as it was written where the browser does not know the zone. */
export function clock(moment: string, tz: string): string {
  const date = new Date(moment);
  const year = date.getFullYear() === new Date().getFullYear() ? undefined : 'numeric';
  const parts = { weekday: 'short', day: 'numeric', month: 'short', year, hour: '2-digit', minute: '2-digit' } as const;
  try {
    return new Intl.DateTimeFormat(undefined, { ...parts, hourCycle: 'h23', timeZone: tz }).format(date);
  } catch {
    return moment.replace('T', ' ').replace(/(:\d\d):\d\d.*/, '$1');
  }
}

/** The next times in the schedule's own time zone; in the reader's as well where that is another. */
export function Times(props: { times: string[]; tz: string; trans: TranslationBundle }): JSX.Element {
  const { times, tz, trans } = props;
  const here = zoneHere();
  return (
    <table className="jp-nbprod-table jp-nbprod-times">
      <caption className="jp-nbprod-hidden">{trans.__('The next times')}</caption>
      <thead>
        <tr>
          <th scope="col">{tz}</th>
          {here !== tz && <th scope="col">{trans.__('here, %1', here)}</th>}
        </tr>
      </thead>
      <tbody>
        {times.map(time => (
          <tr key={time}>
            <td>{clock(time, tz)}</td>
            {here !== tz && <td>{clock(time, here)}</td>}
          </tr>
        ))}
      </tbody>
    </table>
  );
}
