import type { ContainerStatus, Pod } from 'kubernetes-types/core/v1.d.ts';
import type { ContainerState, ContainerView } from '../../kube/index.ts';
import { hasEnded } from '../../pod/index.ts';

/** The last known state of pods, by name, for those who wait for a change of one. */
export class PodTracker {
  readonly #pods = new Map<string, Pod | 'gone'>();
  readonly #waiting = new Map<string, (() => void)[]>();

  #synced = false;

  /** Whether every pod that there is has been set. */
  get synced(): boolean {
    return this.#synced;
  }

  /** From now on a pod that was never set is taken for gone. */
  sync(): void {
    this.#synced = true;
    for (const name of [...this.#waiting.keys()]) this.#wake(name);
  }

  get(name: string): Pod | undefined {
    const pod = this.#pods.get(name);
    return pod === 'gone' ? undefined : pod;
  }

  /** A pod as a watch shows it; undefined once it is deleted. */
  set(name: string, pod: Pod | undefined): void {
    this.#pods.set(name, pod ?? 'gone');
    this.#wake(name);
  }

  #wake(name: string): void {
    const wakes = this.#waiting.get(name) ?? [];
    this.#waiting.delete(name);
    for (const wake of wakes) wake();
  }

  /** One container, as following its log needs it. */
  view(name: string, container: string): ContainerView {
    return {
      state: () => {
        const pod = this.#pods.get(name);
        if (pod === undefined) return this.#synced ? 'gone' : 'waiting';
        return pod === 'gone' ? 'gone' : containerState(pod, container);
      },
      changed: () =>
        new Promise((wake) => {
          const wakes = this.#waiting.get(name);
          if (wakes === undefined) this.#waiting.set(name, [wake]);
          else wakes.push(wake);
        }),
    };
  }
}

const containerState = (pod: Pod, container: string): ContainerState => {
  const status = statusOf(pod, container);
  if (status?.state?.terminated !== undefined) return 'terminated';
  // What has not run when the pod has ended never will: there is at most an old log to read.
  if (hasEnded(pod)) return 'terminated';
  return status?.state?.running === undefined ? 'waiting' : 'running';
};

const statusOf = ({ status }: Pod, container: string): ContainerStatus | undefined =>
  [...(status?.containerStatuses ?? []), ...(status?.initContainerStatuses ?? [])].find(
    ({ name }) => name === container,
  );
