import { connect, createServer, isIP, type Socket } from 'node:net';

/** Stands between a client and the API server, and does to its connections what networks do. TLS passes through unread. */
export interface Proxy {
  /** The kubeconfig that was given, with the proxy as its server. */
  readonly kubeconfig: object;
  /** How many connections were taken so far. */
  readonly connections: number;
  /** Ends all connections at once; new ones are taken. */
  cut(): void;
  /** Lets nothing through any more, in either direction, and takes new connections all the same, until `resume`. */
  stall(): void;
  resume(): void;
  /** From now on what the server says, its side of a handshake too, comes so many milliseconds later, in its order. */
  delay(milliseconds: number): void;
  /** Ends all connections, and takes none until `accept`: they are refused by the kernel. */
  refuse(): Promise<void>;
  accept(): Promise<void>;
  close(): Promise<void>;
}

interface Config {
  readonly clusters: readonly { readonly cluster: { readonly server: string; readonly [key: string]: unknown } }[];
}

/** A name that the certificate of every API server has, for those that are reached by an address. */
const ANY_SERVER = 'kubernetes.default';
const LOOPBACK = '127.0.0.1';

/** Starts a proxy on a free port of the loopback, to the server of a kubeconfig's first cluster. */
export const startProxy = async (kubeconfig: object): Promise<Proxy> => {
  const config = kubeconfig as Config;
  const [first] = config.clusters;
  if (first === undefined) throw new Error('the kubeconfig has no cluster');
  const target = new URL(first.cluster.server);
  const sockets = new Set<Socket>();
  /** Settled while things go through. */
  let open = Promise.resolve();
  let resume = (): void => {};
  let delay = 0;
  let taken = 0;

  /** Sends on what comes, `late()` milliseconds later. */
  const pipe = (from: Socket, to: Socket, late: () => number): void => {
    let last = Promise.resolve();
    const later = (what: () => void): void => {
      const due = Date.now() + late();
      last = last.then(async () => {
        if (due > Date.now()) await new Promise((done) => setTimeout(done, due - Date.now()));
        await open;
        if (!to.destroyed) what();
      });
    };
    from.on('data', (chunk) => {
      later(() => {
        if (to.write(chunk)) return;
        from.pause();
        to.once('drain', () => from.resume());
      });
    });
    from.on('end', () => later(() => to.end()));
    from.on('error', () => to.destroy());
    from.on('close', () => sockets.delete(from));
  };

  const server = createServer({ allowHalfOpen: true }, (client) => {
    taken += 1;
    const upstream = connect({
      host: target.hostname.replace(/^\[|\]$/g, ''),
      port: Number(target.port || 443),
      allowHalfOpen: true,
    });
    for (const socket of [client, upstream]) {
      socket.setNoDelay(true);
      sockets.add(socket);
    }
    pipe(client, upstream, () => 0);
    pipe(upstream, client, () => delay);
  });

  const listen = (port: number): Promise<void> =>
    new Promise((done, fail) => {
      server.once('error', fail);
      server.listen(port, LOOPBACK, () => {
        server.off('error', fail);
        done();
      });
    });
  const cut = (): void => {
    for (const socket of sockets) socket.resetAndDestroy();
    sockets.clear();
  };
  const refuse = async (): Promise<void> => {
    const closed = server.listening ? new Promise((done) => server.close(done)) : undefined;
    cut();
    await closed;
  };

  await listen(0);
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('the proxy has no port');
  const { port } = address;
  const isAddress = isIP(target.hostname.replace(/^\[|\]$/g, '')) !== 0;
  const name = { 'tls-server-name': isAddress ? ANY_SERVER : target.hostname };
  const ours = { ...(target.hostname !== LOOPBACK && name), ...first.cluster, server: `https://${LOOPBACK}:${port}` };
  return {
    kubeconfig: { ...config, clusters: [{ ...first, cluster: ours }, ...config.clusters.slice(1)] },
    get connections() {
      return taken;
    },
    cut,
    stall: () => {
      resume();
      open = new Promise((done) => {
        resume = done;
      });
    },
    resume: () => resume(),
    delay: (milliseconds) => {
      delay = milliseconds;
    },
    refuse,
    accept: () => listen(port),
    close: async () => {
      resume();
      await refuse();
    },
  };
};
