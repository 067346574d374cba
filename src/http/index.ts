export { isAbort, networkCode } from './failure.ts';
export { type ClosableFetch, type Connect, createFetch, type Fetch, type FetchOptions } from './fetch.ts';
export { type ClientCertificate, createHttp, type HttpOptions } from './http.ts';
export { openSocket, type SocketOptions } from './socket.ts';
export { traced } from './trace.ts';
