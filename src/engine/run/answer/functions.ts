// Functions as chat templates are given them: as OpenAI's API has them.
import { type ToolRequest } from '../../../protocol.ts';

export const functionsOf = ({ tools }: ToolRequest): unknown[] =>
  tools.map(({ name, description, parameters }) => ({
    type: 'function',
    function: { name, description: description ?? '', parameters: parameters ?? { type: 'object', properties: {} } },
  }));
