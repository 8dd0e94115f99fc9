// Everything that crosses the boundary between a page and its worker, by subject. Types only: a change there is a change of the API.
export type * from './protocol/load.ts';
export type * from './protocol/model.ts';
export type * from './protocol/chat.ts';
export type * from './protocol/sampling.ts';
export type * from './protocol/generate.ts';
export type * from './protocol/sessions.ts';
export type * from './protocol/embed.ts';
export type * from './protocol/plan.ts';
export type * from './protocol/state.ts';
export type * from './protocol/hub.ts';
export type * from './protocol/worker.ts';
