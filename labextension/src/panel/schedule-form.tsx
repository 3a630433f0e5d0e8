/** A new schedule: when, in which time zone, with which parameters; said in words before it is added. */

import * as React from 'react';

import { problemOf } from '../api';
import { saved } from '../notebook';
import { IParameter, IPreview, IProblem } from '../tokens';
import { Change } from './schedule';
import { cronOf, IWhen, When } from './schedule-when';
import { Times, zoneHere } from './times';
import { IView, Section, Wrong } from './widget';

const PAUSE = 300;
const WRONG = 'jp-nbprod-schedule-wrong';

type Texts = { [name: string]: string };

interface IAdd extends IView {
  taken: string[];
  busy: boolean;
  change: Change;
}

export function AddSchedule({ model, trans, taken, busy, change }: IAdd): JSX.Element {
  const [when, setWhen] = React.useState<IWhen>({ preset: 'daily', time: '06:00', day: '1', cron: '0 6 * * 1-5' });
  const [tz, setTz] = React.useState(zoneHere);
  const [named, setNamed] = React.useState<string | null>(null);
  const [given, setGiven] = React.useState<Texts>(() => ({ ...model.overrides }));
  const cron = cronOf(when);
  const { preview, problem } = usePreview(model, cron, tz);
  const name = named ?? nameFor(model.path, taken);
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
  const wrong = (code: string): object =>
    problem?.code === code ? { 'aria-invalid': true, 'aria-describedby': WRONG } : {};
  return (
    <Section title={trans.__('New schedule')} name="schedule-form">
      <form onSubmit={event => void submit(event)}>
        <When trans={trans} when={when} set={setWhen} wrong={wrong('NB820')} />
        <label className="jp-nbprod-row">
          <span>{trans.__('time zone')}</span>
          <input
            data-nbprod="schedule-tz"
            list="jp-nbprod-zones"
            value={tz}
            {...wrong('NB821')}
            onChange={event => setTz(event.target.value)}
          />
        </label>
        <Zones />
        {problem && (
          <div id={WRONG}>
            <Wrong problem={problem} />
          </div>
        )}
        <label className="jp-nbprod-row">
          <span>{trans.__('name')}</span>
          <input
            data-nbprod="schedule-name"
            value={name}
            pattern="[A-Za-z_][A-Za-z0-9_\-]*"
            title={trans.__('letters, digits, _ and -')}
            required
            onChange={event => setNamed(event.target.value)}
          />
        </label>
        <Given trans={trans} all={model.pipeline?.parameters ?? []} given={given} set={setGiven} />
        {taken.includes(name) && <p role="status">{trans.__('! replaces the schedule %1', name)}</p>}
        <p aria-live="polite" data-nbprod="schedule-preview">
          {preview && <b>{preview.words}</b>}
        </p>
        {preview && <Times trans={trans} times={preview.next} tz={preview.tz} />}
        <button
          type="submit"
          className="jp-nbprod-button jp-nbprod-primary"
          data-nbprod="schedule-add"
          disabled={preview === null || busy}
        >
          {taken.includes(name) ? trans.__('Replace') : trans.__('Add')}
        </button>
      </form>
    </Section>
  );
}

/** Ask what a schedule would mean, once the typing has paused. */
function usePreview(model: IView['model'], cron: string, tz: string): { preview: IPreview | null; problem: IProblem | null } {
  const asked = `${tz} ${cron}`;
  const [answer, setAnswer] = React.useState<{ asked: string; preview: IPreview | null; problem: IProblem | null } | null>(null);
  React.useEffect(() => {
    let wanted = true;
    const take = (preview: IPreview | null, problem: IProblem | null): void => {
      if (wanted) {
        setAnswer({ asked, preview, problem });
      }
    };
    const timer = window.setTimeout(() => {
      model.api.preview(model.path, cron, tz).then(
        found => take(found, null),
        error => take(null, problemOf(error))
      );
    }, PAUSE);
    return () => {
      wanted = false;
      window.clearTimeout(timer);
    };
  }, [model, asked]);
  return answer?.asked === asked ? answer : { preview: null, problem: null };
}

interface IGiven extends Pick<IView, 'trans'> {
  all: IParameter[];
  given: Texts;
  set(given: Texts): void;
}

/** The parameters it runs with; an empty field leaves the notebook's own. */
function Given({ trans, all, given, set }: IGiven): JSX.Element | null {
  const changed = all.filter(item => given[item.name]);
  return all.length === 0 ? null : (
    <details className="jp-nbprod-fold" data-nbprod="schedule-parameters">
      <summary>
        {changed.length
          ? trans.__('with %1', changed.map(item => `${item.name} = ${given[item.name]}`).join(' · '))
          : trans.__("with the notebook's own parameters")}
      </summary>
      {all.map(item => (
        <label className="jp-nbprod-row" key={item.name} data-changed={Boolean(given[item.name])}>
          <span title={item.help || item.type}>{item.name}</span>
          <input
            data-nbprod={`schedule-parameter-${item.name}`}
            placeholder={item.default_source}
            value={given[item.name] ?? ''}
            onChange={event => set({ ...given, [item.name]: event.target.value })}
          />
        </label>
      ))}
    </details>
  );
}

const Zones = React.memo(function Zones(): JSX.Element {
  const intl = Intl as unknown as { supportedValuesOf?: (key: string) => string[] };
  return (
    <datalist id="jp-nbprod-zones">
      {['UTC', ...(intl.supportedValuesOf?.('timeZone') ?? [])].map(name => (
        <option key={name} value={name} />
      ))}
    </datalist>
  );
});

/** Return a name for the schedule: the notebook's, with a number where that is taken. */
export function nameFor(path: string, taken: string[]): string {
  const stem = (path.split('/').pop() ?? '').replace(/\.ipynb$/, '').replace(/[^A-Za-z0-9_-]/g, '-');
  const name = stem.replace(/^(?![A-Za-z_])/, '_').slice(0, 60);
  let number = 1;
  while (taken.includes(number === 1 ? name : `${name}-${number}`)) {
    number++;
  }
  return number === 1 ? name : `${name}-${number}`;
}
