// A page with the Prompt API, where the browser has none: a file of the visitor's, a question, an answer that a prefix begins, and one of a given form.
import { languageModelFrom, type LanguageModelSession } from 'windrow/prompt-api';

const form = document.querySelector('form')!;
const button = form.querySelector('button')!;
const told = document.querySelector('[role=status]')!;
const kernels = new URLSearchParams(location.search).get('kernels') ?? undefined; // tests name them; else they are measured

form.onsubmit = async (event) => {
  event.preventDefault();
  const given = new FormData(form);
  button.disabled = true; // one answer after the other
  let session: LanguageModelSession | undefined;
  try {
    const LanguageModel = languageModelFrom({ model: given.get('model') as File, kernels, keep: false });
    session = await LanguageModel.create({
      samplingMode: 'most-predictable',
      monitor: (monitor) => (monitor.ondownloadprogress = ({ loaded }) => (told.textContent = `${Math.round(100 * loaded)} %`)),
    });
    const question = given.get('question') as string;
    const begun = 'Once upon a time';
    told.textContent = begun;
    const story = session.promptStreaming(
      [{ role: 'user', content: question }, { role: 'assistant', content: begun, prefix: true }],
      { responseConstraint: /[A-Za-z ,.]{40}/, omitResponseConstraintInput: true },
    );
    for (const reader = story.getReader(); ; ) {
      const { done, value } = await reader.read();
      if (done) break;
      told.append(value);
    }
    told.append(` Good: ${await session.prompt('Is that good?', { responseConstraint: { type: 'boolean' } })}`);
    document.title = 'answered';
  } catch (error) {
    told.textContent = (error as Error).message;
  } finally {
    session?.destroy(); // the last one, so the GPU is free again
    button.disabled = false;
  }
};
