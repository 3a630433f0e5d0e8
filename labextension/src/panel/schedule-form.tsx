/** A new schedule: when, in which time zone, with which parameters; said in words before it is added. */

import * as React from 'react';

import { problemOf } from '../api';
import { IPreview, IProblem, ISchedules } from '../tokens';
import { Times } from './schedule';
import { IView, Section, Wrong } from './widget';

const PAUSE = 300;

type Preset = 'hourly' | 'daily' | 'weekdays' | 'weekly' | 'own';

interface IAdd extends IView {
  taken: string[];
  take: (asked: Promise<ISchedules>) => Promise<void>;
}

export function AddSchedule({ model, trans, taken, take }: IAdd): JSX.Element {
  const [preset, setPreset] = React.useState<Preset>('daily');
  const [time, setTime] = React.useState('06:00');
  const [own, setOwn] = React.useState('0 6 * * 1-5');
  const [tz, setTz] = React.useState(Intl.DateTimeFormat().resolvedOptions().timeZone);
  const [preview, setPreview] = React.useState<IPreview | null>(null);
  const [problem, setProblem] = React.useState<IProblem | null>(null);
  const cron = preset === 'own' ? own : cronOf(preset, time);
  React.useEffect(() => {
    let wanted = true;
    const timer = window.setTimeout(() => {
      model.api.preview(model.path, cron, tz).then(
        found => wanted && (setPreview(found), setProblem(null)),
        error => wanted && (setPreview(null), setProblem(problemOf(error)))
      );
    }, PAUSE);
    return () => {
      wanted = false;
      window.clearTimeout(timer);
    };
  }, [model, model.path, cron, tz]);
  const given = model.overrides;
  const submit = (event: React.FormEvent): void => {
    event.preventDefault();
    const name = nameFor(model.path, taken);
    void take(model.api.schedule(model.path, { cron, tz, parameters: given, name }));
  };
  return (
    <Section title={trans.__('New schedule')} name="schedule-form">
      <form onSubmit={submit}>
        <label className="jp-nbprod-row">
          <span>{trans.__('when')}</span>
          <select
            data-nbprod="schedule-preset"
            value={preset}
            onChange={event => setPreset(event.target.value as Preset)}
          >
            <option value="hourly">{trans.__('every hour')}</option>
            <option value="daily">{trans.__('every day')}</option>
            <option value="weekdays">{trans.__('every weekday')}</option>
            <option value="weekly">{trans.__('every Monday')}</option>
            <option value="own">{trans.__('a cron expression')}</option>
          </select>
        </label>
        {preset === 'own' ? (
          <label className="jp-nbprod-row">
            <span>cron</span>
            <input
              data-nbprod="schedule-cron"
              value={own}
              aria-invalid={problem !== null}
              onChange={event => setOwn(event.target.value)}
            />
          </label>
        ) : (
          <label className="jp-nbprod-row">
            <span>{preset === 'hourly' ? trans.__('at minute of') : trans.__('at')}</span>
            <input
              type="time"
              data-nbprod="schedule-time"
              value={time}
              required
              onChange={event => setTime(event.target.value || '00:00')}
            />
          </label>
        )}
        <label className="jp-nbprod-row">
          <span>{trans.__('time zone')}</span>
          <input data-nbprod="schedule-tz" list="jp-nbprod-zones" value={tz} onChange={event => setTz(event.target.value)} />
        </label>
        <Zones />
        <p className="jp-nbprod-dim">
          {Object.keys(given).length
            ? trans.__('with %1', Object.entries(given).map(([name, text]) => `${name} = ${text}`).join(', '))
            : trans.__("with the notebook's own parameters; change some under Pipeline to run with others")}
        </p>
        <div role="status" data-nbprod="schedule-preview">
          {preview && (
            <>
              <p>
                <b>{preview.words}</b> {preview.tz}
              </p>
              <Times trans={trans} times={preview.next} tz={preview.tz} />
            </>
          )}
        </div>
        {problem && <Wrong problem={problem} />}
        <button
          type="submit"
          className="jp-nbprod-button jp-nbprod-primary"
          data-nbprod="schedule-add"
          disabled={preview === null}
        >
          {trans.__('Add')}
        </button>
      </form>
    </Section>
  );
}

const Zones = React.memo(function Zones(): JSX.Element {
  const all = (Intl as unknown as { supportedValuesOf?: (key: string) => string[] }).supportedValuesOf;
  return (
    <datalist id="jp-nbprod-zones">
      {['UTC', ...(all?.('timeZone') ?? [])].map(name => (
        <option key={name} value={name} />
      ))}
    </datalist>
  );
});

function cronOf(preset: Preset, time: string): string {
  const [hour, minute] = time.split(':').map(Number);
  const days = { hourly: '*', daily: '*', weekdays: '1-5', weekly: '1', own: '*' }[preset];
  return `${minute} ${preset === 'hourly' ? '*' : hour} * * ${days}`;
}

/** Return a name for the schedule: the notebook's, with a number where that is taken. */
function nameFor(path: string, taken: string[]): string {
  const stem = (path.split('/').pop() ?? '').replace(/\.ipynb$/, '').replace(/[^A-Za-z0-9_-]/g, '-').replace(/^[^A-Za-z_]/, '_$&');
  let name = stem.slice(0, 60);
  for (let number = 2; taken.includes(name); number++) {
    name = `${stem.slice(0, 60)}-${number}`;
  }
  return name;
}
