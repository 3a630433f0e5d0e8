/** State as icon and word, times and numbers as people read them. */

import { TranslationBundle } from '@jupyterlab/translation';

const ICONS: { [state: string]: string } = {
  pending: '○',
  running: '◐',
  succeeded: '✓',
  cached: '≡',
  failed: '✗',
  skipped: '-',
  interrupted: '■',
  error: '✗',
  warning: '!',
  info: 'i',
  healthy: '●',
  starting: '◐',
  unhealthy: '✗',
  stopped: '■'
};

/** Return the sign of a state. */
export function iconOf(state: string): string {
  return ICONS[state] ?? '○';
}

/** Return the word of a state. */
export function wordOf(state: string, trans: TranslationBundle): string {
  const words: { [state: string]: string } = {
    pending: trans.__('waiting'),
    running: trans.__('running'),
    succeeded: trans.__('done'),
    cached: trans.__('cached'),
    failed: trans.__('failed'),
    skipped: trans.__('skipped'),
    interrupted: trans.__('stopped')
  };
  return words[state] ?? state;
}

/** Return seconds with three significant digits. */
export function seconds(value: number): string {
  return value >= 100 ? `${Math.round(value)} s` : `${Number(value.toPrecision(3))} s`;
}

/** Return a number with at most four significant digits, anything else as JSON. */
export function short(value: unknown): string {
  return typeof value === 'number' ? String(Number(value.toPrecision(4))) : plain(value);
}

/** Return a value as people write it. */
export function plain(value: unknown): string {
  return typeof value === 'string' ? value : JSON.stringify(value);
}

/** Return values by name as people write them in a line. */
export function assigned(values: { [name: string]: unknown }): string {
  return Object.entries(values)
    .map(([name, value]) => `${name} = ${plain(value)}`)
    .join(' · ');
}

/** Return how long ago a moment was. */
export function ago(moment: string, trans: TranslationBundle): string {
  const passed = (Date.now() - Date.parse(moment)) / 60_000;
  if (!Number.isFinite(passed)) {
    return '';
  }
  const minutes = passed < 1 ? trans.__('just now') : trans.__('%1 min ago', Math.floor(passed));
  const hours = passed < 1440 ? trans.__('%1 h ago', Math.floor(passed / 60)) : new Date(moment).toLocaleDateString();
  return passed < 60 ? minutes : hours;
}
