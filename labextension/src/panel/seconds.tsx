/** Seconds that pass: only this text is drawn anew, not the panel. */

import * as React from 'react';

import { Model } from '../model';

/** Return the whole seconds since something began, counting on. */
export function usePassed(model: Model, key: string, since: string | null | undefined, running: boolean): number {
  const [passed, setPassed] = React.useState(0);
  React.useEffect(() => {
    if (!running) {
      return undefined;
    }
    const tick = (): void => setPassed(Math.floor(model.secondsOf(key, since)));
    tick();
    const timer = window.setInterval(tick, 500);
    return () => window.clearInterval(timer);
  }, [model, key, since, running]);
  return passed;
}
