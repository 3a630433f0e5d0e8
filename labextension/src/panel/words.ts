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

/** Return how long ago a moment was. */
export function ago(moment: string, trans: TranslationBundle): string {
  const passed = (Date.now() - Date.parse(moment)) / 1000;
  if (!Number.isFinite(passed)) {
    return '';
  }
  if (passed < 60) {
    return trans.__('just now');
  }
  if (passed < 3600) {
    return trans.__('%1 min ago', Math.floor(passed / 60));
  }
  if (passed < 86_400) {
    return trans.__('%1 h ago', Math.floor(passed / 3600));
  }
  return new Date(moment).toLocaleDateString();
}
