/** Executed notebooks as documents of JupyterLab: a read-only drive over what the server extension keeps of runs. */

import { Contents, ServerConnection } from '@jupyterlab/services';
import { ISignal, Signal } from '@lumino/signaling';

import { Api } from './api';

const NAME = 'nbprod-runs';

/** Return the path under which `docmanager:open` finds the executed notebook of a stage. */
export function executedPath(path: string, run: string, stage: string): string {
  return `${NAME}:${path}/@${run}/${stage}.ipynb`;
}

/** Whether a document is an executed notebook, which is only looked at. */
export function isExecuted(path: string): boolean {
  return path.startsWith(`${NAME}:`);
}

/** Make executed notebooks openable. */
export function addRunsDrive(contents: Contents.IManager, api: Api, settings: ServerConnection.ISettings): void {
  contents.addDrive(new RunsDrive(api, settings));
}

class RunsDrive implements Contents.IDrive {
  readonly name = NAME;
  private readonly _fileChanged = new Signal<this, Contents.IChangedArgs>(this);
  private _isDisposed = false;

  constructor(
    private readonly api: Api,
    readonly serverSettings: ServerConnection.ISettings
  ) {}

  get fileChanged(): ISignal<this, Contents.IChangedArgs> {
    return this._fileChanged;
  }

  get isDisposed(): boolean {
    return this._isDisposed;
  }

  dispose(): void {
    this._isDisposed = true;
    Signal.clearData(this);
  }

  async get(localPath: string, options?: Contents.IFetchOptions): Promise<Contents.IModel> {
    const found = /^(.*)\/@([0-9a-f]+)\/([^/]+)\.ipynb$/.exec(localPath);
    if (!found) {
      return folder(localPath);
    }
    const [, path, run, stage] = found;
    return {
      name: `${stage} · ${run.slice(0, 4)}.ipynb`,
      path: localPath,
      type: 'notebook',
      format: 'json',
      mimetype: '',
      writable: false,
      created: '',
      last_modified: '',
      content: options?.content === false ? null : await this.api.executed(path, run, stage)
    };
  }

  async getDownloadUrl(localPath: string): Promise<string> {
    const [path, run, stage] = localPath.split(/\/@|\/(?=[^/]*$)/);
    return this.api.page(path, `runs/${run}/notebook/${stage.replace(/\.ipynb$/, '')}`);
  }

  async listCheckpoints(): Promise<Contents.ICheckpointModel[]> {
    return [];
  }

  newUntitled = refuse;
  delete = refuse;
  rename = refuse;
  save = refuse;
  copy = refuse;
  createCheckpoint = refuse;
  restoreCheckpoint = refuse;
  deleteCheckpoint = refuse;
}

function folder(path: string): Contents.IModel {
  const facts = { mimetype: '', writable: false, created: '', last_modified: '' };
  return { ...facts, name: path, path, type: 'directory', format: 'json', content: [] };
}

async function refuse(): Promise<never> {
  throw new Error('an executed notebook is a record of its run and cannot be changed');
}
