// What a command gives back: printed as JSON with --json, else as text.
export interface Result {
  json: unknown;
  text: string;
  /** The exit code; default 0. */
  code?: number;
}
