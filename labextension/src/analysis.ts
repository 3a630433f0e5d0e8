/** Asking what a notebook means: soon after an edit, never two questions at once, an overtaken one is taken back. */

import { Api, ApiError } from './api';
import { IPipeline } from './tokens';

const SHORTEST_PAUSE = 25;
const LONGEST_PAUSE = 600;
const OVERTAKEN = 409;

/** The question that is being asked, and when the next one is due. */
export class Analysis {
  private answered = '';
  private pause = SHORTEST_PAUSE;
  private timer = 0;
  private asking: AbortController | null = null;

  constructor(
    private readonly api: Pick<Api, 'pipeline'>,
    private readonly due: () => void
  ) {}

  /** Return what `content` means; null when that is known already or when a newer question overtook this one. */
  async ask(path: string, content: unknown): Promise<IPipeline | null> {
    const text = JSON.stringify(content);
    if (text === this.answered) {
      return null;
    }
    this.asking?.abort();
    const asking = (this.asking = new AbortController());
    const began = performance.now();
    try {
      const found = await this.api.pipeline(path, content, asking.signal);
      if (asking.signal.aborted) {
        return null;
      }
      this.answered = text;
      // a slow server is asked less often while somebody types
      this.pause = Math.min(LONGEST_PAUSE, Math.max(SHORTEST_PAUSE, (performance.now() - began) / 4));
      return found;
    } catch (error) {
      if (asking.signal.aborted) {
        return null;
      }
      if (error instanceof ApiError && error.status === OVERTAKEN) {
        this.later(); // by another window of the same notebook
        return null;
      }
      throw error;
    }
  }

  /** Ask when the typing pauses. */
  later(): void {
    window.clearTimeout(this.timer);
    this.timer = window.setTimeout(this.due, this.pause);
  }

  /** Ask anew though the content is the same. */
  again(): void {
    this.answered = '';
    this.later();
  }

  /** Take back what was asked: another notebook is shown. */
  forget(): void {
    window.clearTimeout(this.timer);
    this.asking?.abort();
    this.answered = '';
  }
}
