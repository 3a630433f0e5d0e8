/** A new schedule: when, in which time zone, with which parameters; said in words before it is added. */

import * as React from 'react';

import { saved } from '../notebook';
import { IPreview } from '../tokens';
import { Blanks, Button, Field, Fold, Proposals, Section, useAsked, Wrong } from './parts';
import { IChanging } from './schedule';
import { cronOf, IWhen, When } from './schedule-when';
import { Times, zoneHere } from './times';
import { assigned } from './words';

const PAUSE = 300;
const WRONG = 'jp-nbprod-schedule-wrong';

export function AddSchedule({ model, trans, taken, busy, change }: IChanging & { taken: string[] }): JSX.Element {
  const [when, setWhen] = React.useState<IWhen>({ preset: 'daily', time: '06:00', day: '1', cron: '0 6 * * 1-5' });
  const [tz, setTz] = React.useState(zoneHere);
  const [named, setNamed] = React.useState<string | null>(null);
  const [given, setGiven] = React.useState<{ [name: string]: string }>(() => ({ ...model.overrides }));
  const cron = cronOf(when);
  const asked = useSettled(`${tz} ${cron}`);
  const ask = async (): Promise<{ asked: string; of: IPreview }> => ({ asked, of: await model.api.preview(model.path, cron, tz) });
  const { found, problem } = useAsked(ask, [model, asked]);
  const preview = found?.asked === `${tz} ${cron}` && !problem ? found.of : null;
  const name = named ?? nameFor(model.path, taken);
  const all = model.pipeline?.parameters ?? [];
  const parameters = Object.fromEntries(Object.entries(given).filter(([, text]) => text !== ''));
  const submit = async (event: React.FormEvent): Promise<void> => {
    event.preventDefault();
    await change(async () => {
      if (model.panel) {
        await saved(model.panel, model.contents);
      }
      return model.api.schedule(model.path, { cron, tz, parameters, name });
    });
    setNamed(null);
  };
  const wrong = (code: string): object => (problem?.code === code ? { 'aria-invalid': true, 'aria-describedby': WRONG } : {});
  return (
    <Section title={trans.__('New schedule')} name="schedule-form">
      <form onSubmit={event => void submit(event)}>
        <When trans={trans} when={when} set={setWhen} wrong={wrong('NB820')} />
        <Field name="schedule-tz" label={trans.__('time zone')} list="jp-nbprod-zones" value={tz} {...wrong('NB821')} set={setTz} />
        <Zones />
        <div id={WRONG}>
          <Wrong problem={problem} />
        </div>
        <Field
          name="schedule-name"
          label={trans.__('name')}
          value={name}
          pattern="[A-Za-z_][A-Za-z0-9_\-]*"
          title={trans.__('letters, digits, _ and -')}
          required
          set={setNamed}
        />
        {all.length > 0 && (
          <Fold
            name="schedule-parameters"
            summary={
              Object.keys(parameters).length ? trans.__('with %1', assigned(parameters)) : trans.__("with the notebook's own parameters")
            }
          >
            <Blanks name="schedule-parameter" all={all} texts={given} set={setGiven} />
          </Fold>
        )}
        {taken.includes(name) && <p role="status">{trans.__('! replaces the schedule %1', name)}</p>}
        <p aria-live="polite" data-nbprod="schedule-preview">
          {preview && <b>{preview.words}</b>}
        </p>
        {preview && <Times trans={trans} times={preview.next} tz={preview.tz} />}
        <Button name="schedule-add" type="submit" primary disabled={preview === null || busy}>
          {taken.includes(name) ? trans.__('Replace') : trans.__('Add')}
        </Button>
      </form>
    </Section>
  );
}

/** Return what was typed last, once the typing has paused. */
function useSettled(text: string): string {
  const [settled, setSettled] = React.useState(text);
  React.useEffect(() => {
    const timer = window.setTimeout(() => setSettled(text), PAUSE);
    return () => window.clearTimeout(timer);
  }, [text]);
  return settled;
}

const Zones = React.memo(function Zones(): JSX.Element {
  const intl = Intl as unknown as { supportedValuesOf?: (key: string) => string[] };
  return <Proposals id="jp-nbprod-zones" values={['UTC', ...(intl.supportedValuesOf?.('timeZone') ?? [])]} />;
});

/** Return a name for the schedule: the notebook's, with a number where that is taken. */
export function nameFor(path: string, taken: string[]): string {
  const stem = (path.split('/').pop() ?? '').replace(/\.ipynb$/, '').replace(/[^A-Za-z0-9_-]/g, '-');
  const name = stem.replace(/^(?![A-Za-z_])/, '_').slice(0, 60);
  let free = name;
  for (let number = 2; taken.includes(free); number++) {
    free = `${name}-${number}`;
  }
  return free;
}
