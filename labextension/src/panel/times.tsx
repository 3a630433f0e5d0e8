/** Moments as people of a time zone write them. */

import { TranslationBundle } from '@jupyterlab/translation';
import * as React from 'react';

import { Table } from './parts';

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
  const zones = [...new Set([tz, zoneHere()])];
  return (
    <Table
      className="jp-nbprod-times"
      caption={trans.__('The next times')}
      unseen="caption"
      head={zones.map(zone => (zone === tz ? tz : trans.__('here, %1', zone)))}
      rows={times.map(time => ({ cells: zones.map(zone => clock(time, zone)) }))}
    />
  );
}
