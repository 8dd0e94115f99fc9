// What `import 'windrow/remote'` gives: an engine whose model is on a server.
export { createRemoteEngine, type RemoteEngine, type RemoteOptions } from './api/remote/remote.ts';
