/** Executed notebooks as documents: found by their path, only looked at, opened without a kernel. */

import { ContentsManager, Drive, ServerConnection } from '@jupyterlab/services';
import { describe, expect, test } from 'vitest';

import { Api } from '../src/api';
import { addRunsDrive, executedPath, isExecuted } from '../src/drive';

const NOTEBOOK = { cells: [], metadata: {}, nbformat: 4, nbformat_minor: 5 };
const PATH = executedPath('deep/a b.ipynb', '8c21aa07', 'train-it');

/** Contents with our drive, over a server that answers what is asked for; `asked` keeps the addresses. */
function contents(): { manager: ContentsManager; asked: string[] } {
  const asked: string[] = [];
  const answer = (request: Request): Promise<Response> => {
    const { pathname, searchParams } = new URL(request.url);
    asked.push(`${pathname} ${searchParams.get('path')}`);
    const body = pathname.includes('/notebook/') ? NOTEBOOK : { run: '8c21aa07', started: '2026-11-29T06:00:00Z' };
    return Promise.resolve(new Response(JSON.stringify(body)));
  };
  const settings = ServerConnection.makeSettings({
    baseUrl: 'http://localhost/base/',
    fetch: (request: RequestInfo | URL) => answer(request as Request)
  });
  const manager = new ContentsManager({ defaultDrive: new Drive({ serverSettings: settings }) });
  addRunsDrive(manager, new Api(settings), settings);
  return { manager, asked };
}

describe('executed notebooks', () => {
  test('are told from notebooks of the server', () => {
    expect(isExecuted(PATH)).toBe(true);
    expect(isExecuted('nbprod-runs.ipynb')).toBe(false);
    expect(isExecuted('RTC:a.ipynb')).toBe(false);
  });

  test('are fetched by notebook, run and stage, and cannot be written', async () => {
    const { manager, asked } = contents();
    const found = await manager.get(PATH);
    expect(found).toMatchObject({ type: 'notebook', writable: false, content: NOTEBOOK, path: PATH });
    expect(found.name).toBe('train-it (run 8c21).ipynb');
    expect(Number.isFinite(Date.parse(found.last_modified))).toBe(true);
    expect(asked).toContain('/base/nbprod/api/runs/8c21aa07/notebook/train-it deep/a b.ipynb');
  });

  test('are not fetched whole where only their facts are asked for', async () => {
    const { manager, asked } = contents();
    expect((await manager.get(PATH, { content: false })).content).toBeNull();
    expect(asked.some(item => item.includes('/notebook/'))).toBe(false);
  });

  test('can be downloaded', async () => {
    const address = new URL(await contents().manager.getDownloadUrl(PATH));
    expect(address.pathname).toBe('/base/nbprod/api/runs/8c21aa07/notebook/train-it');
    expect(address.searchParams.get('path')).toBe('deep/a b.ipynb');
  });

  test('refuse every change, and say why', async () => {
    const { manager } = contents();
    await expect(manager.save(PATH, {})).rejects.toThrow('record of a run');
    await expect(manager.rename(PATH, `${PATH}x`)).rejects.toThrow('record of a run');
    await expect(manager.delete(PATH)).rejects.toThrow('record of a run');
    expect(await manager.listCheckpoints(PATH)).toEqual([]);
  });

  test('which are none are said to be none', async () => {
    await expect(contents().manager.get('nbprod-runs:a.ipynb')).rejects.toThrow('not an executed notebook');
  });
});
