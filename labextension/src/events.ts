/** Hints of the server that something changed, over the one socket that JupyterLab keeps for events. */

import { Event } from '@jupyterlab/services';

import { Model } from './model';

const SCHEMA = 'https://nbprod.dev/events/changed';

/** Let the model fetch its state when the server hints at a change. */
export function followEvents(events: Event.IManager, model: Model): void {
  events.stream.connect((_, emission) => {
    if (emission.schema_id === SCHEMA) {
      const { path, what, id } = emission as { [name: string]: unknown };
      model.onEvent({ path: String(path), what: String(what), id: String(id) });
    }
  });
}
