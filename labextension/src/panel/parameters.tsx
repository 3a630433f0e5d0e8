/** The parameters cell as a form; what is changed here holds for runs from the panel, the notebook stays as it is. */

import * as React from 'react';

import { Model } from '../model';
import { IParameter } from '../tokens';
import { Button, Section, Select } from './parts';
import { IView } from './widget';

export function Parameters({ model, trans }: IView): JSX.Element | null {
  const parameters = model.pipeline?.parameters ?? [];
  const undecided = model.pipeline?.undecided ?? [];
  if (parameters.length === 0 && undecided.length === 0) {
    return null;
  }
  return (
    <Section title={trans.__('Parameters')} name="parameters">
      {parameters.map(item => (
        <div className="jp-nbprod-row" key={item.name} data-changed={item.name in model.overrides}>
          <label htmlFor={`jp-nbprod-${item.name}`} title={item.help || item.type}>
            {item.name}
          </label>
          <Field item={item} model={model} />
          {item.name in model.overrides && (
            <Button
              title={trans.__('back to %1', item.default_source)}
              aria-label={trans.__('reset %1', item.name)}
              onClick={() => model.setParameter(item.name, null)}
            >
              ↺
            </Button>
          )}
        </div>
      ))}
      {undecided.length > 0 && (
        <Select
          name="model"
          label={trans.__('model')}
          title={trans.__('Several names may hold the model; for good: %%mlops stage … --model NAME')}
          value={model.chosen}
          options={[['', trans.__('choose…')], ...undecided.map(name => [name, name])]}
          set={chosen => model.set({ chosen })}
        />
      )}
    </Section>
  );
}

function Field({ item, model }: { item: IParameter; model: Model }): JSX.Element {
  const original = textOf(item);
  const text = model.overrides[item.name] ?? original;
  const set = (value: string): void => model.setParameter(item.name, value === original ? null : value);
  const shared = { id: `jp-nbprod-${item.name}`, 'data-nbprod': `parameter-${item.name}` };
  if (item.type === 'bool') {
    const checked = text === 'True';
    return <input {...shared} type="checkbox" checked={checked} onChange={event => set(event.target.checked ? 'True' : 'False')} />;
  }
  const numeric = item.type === 'int' || item.type === 'float';
  return (
    <input
      {...shared}
      inputMode={numeric ? 'decimal' : 'text'}
      value={text}
      aria-invalid={numeric && !Number.isFinite(Number(text.replace(/_/g, '')))}
      onChange={event => set(event.target.value)}
    />
  );
}

/** Return what `-p NAME=` takes for the default: raw text for a `str`, else the literal. */
function textOf(item: IParameter): string {
  return item.type === 'str' && typeof item.default === 'string' ? item.default : item.default_source;
}
