// The tools of `everything.mjs` that ask the client for something before they answer: those of 2025-11-25 send a request of
// their own, those of 2026-07-28 answer with what they need.
import { randomUUID } from 'node:crypto';

const ENUMS = {
  untitledSingle: { type: 'string', enum: ['option1', 'option2', 'option3'] },
  titledSingle: { type: 'string', oneOf: titled('value') },
  legacyEnum: { type: 'string', enum: ['opt1', 'opt2', 'opt3'], enumNames: ['Option One', 'Option Two', 'Option Three'] },
  untitledMulti: { type: 'array', minItems: 1, maxItems: 3, items: { type: 'string', enum: ['option1', 'option2', 'option3'] } },
  titledMulti: { type: 'array', minItems: 1, maxItems: 3, items: { anyOf: titled('value') } },
};
const DEFAULTS = {
  name: { type: 'string', default: 'John Doe' },
  age: { type: 'integer', default: 30 },
  score: { type: 'number', default: 95.5 },
  status: { type: 'string', enum: ['active', 'inactive', 'pending'], default: 'active' },
  verified: { type: 'boolean', default: true },
};

function titled(name) {
  return ['First', 'Second', 'Third'].map((word, index) => ({ const: `${name}${index + 1}`, title: `${word} Option` }));
}

export function addInputTools(given) {
  addOldTools(given);
  addNewTools(given);
}

function addOldTools({ tool, says, strings }) {
  const user = (content) => [{ role: 'user', content: { type: 'text', text: content } }];
  tool('test_sampling', async ({ prompt }, { mcpReq }) => {
    const params = { messages: user(prompt), maxTokens: 100 };
    const result = await mcpReq.send({ method: 'sampling/createMessage', params });
    return says(`LLM response: ${result.content?.text ?? 'No response'}`);
  }, strings('prompt'));
  const elicit = async (mcpReq, message, properties, required, label) => {
    const params = { message, requestedSchema: { type: 'object', properties, required } };
    const { action, content } = await mcpReq.send({ method: 'elicitation/create', params });
    return says(`${label}: action=${action}, content=${JSON.stringify(content ?? {})}`);
  };
  tool('test_elicitation', ({ message }, { mcpReq }) =>
    elicit(mcpReq, message, { response: { type: 'string' } }, ['response'], 'User response'), strings('message'));
  tool('test_elicitation_sep1034_defaults', (_, { mcpReq }) =>
    elicit(mcpReq, 'Please review and update the form fields with defaults', DEFAULTS, [], 'Elicitation completed'));
  tool('test_elicitation_sep1330_enums', (_, { mcpReq }) =>
    elicit(mcpReq, 'Please select options from the enum fields', ENUMS, [], 'Elicitation completed'));
}

function addNewTools({ sdk, codec, tool, says }) {
  const { inputRequired, acceptedContent } = sdk;
  const ask = (message, name, type = 'string') => inputRequired.elicit({
    message,
    requestedSchema: { type: 'object', properties: { [name]: { type } }, required: [name] },
  });
  const sample = (content, maxTokens = 50) =>
    inputRequired.createMessage({ messages: [{ role: 'user', content: { type: 'text', text: content } }], maxTokens });
  const needs = async (inputRequests, state) =>
    inputRequired({ inputRequests, ...(state && { requestState: await codec.mint({ ...state, nonce: randomUUID() }) }) });
  const tell = (name, call) => tool(name, (_, { mcpReq }) => call(mcpReq, mcpReq.inputResponses));

  tell('test_missing_capability', (_, got) =>
    got?.llm_answer === undefined ? needs({ llm_answer: sample('Reply with the single word: pong', 16) }) : says('done'));
  tell('test_input_required_result_elicitation', (_, got) => {
    const name = acceptedContent(got, 'user_name')?.name;
    return typeof name === 'string' ? says(`Hello, ${name}!`) : needs({ user_name: ask('What is your name?', 'name') });
  });
  tell('test_input_required_result_sampling', (_, got) => got?.capital_question === undefined
    ? needs({ capital_question: sample('What is the capital of France?', 100) })
    : says(`Sampling response: ${got.capital_question.content?.text}`));
  tell('test_input_required_result_list_roots', (_, got) => Array.isArray(got?.client_roots?.roots)
    ? says(`Client exposed ${got.client_roots.roots.length} root(s)`)
    : needs({ client_roots: inputRequired.listRoots() }));
  tell('test_input_required_result_request_state', (asked, got) => {
    if (acceptedContent(got, 'confirm') === undefined) {
      return needs({ confirm: ask('Please confirm', 'ok', 'boolean') }, { tool: 'request_state' });
    }
    if (asked.requestState() !== undefined) return says('state-ok: requestState verified and confirmation received');
    throw new sdk.ProtocolError(sdk.ProtocolErrorCode.InvalidParams, 'Invalid requestState');
  });
  tell('test_input_required_result_multiple_inputs', (_, got) => {
    const name = acceptedContent(got, 'user_name')?.name;
    const [greeting, roots] = [got?.greeting?.content?.text, got?.client_roots?.roots];
    if (typeof name === 'string' && typeof greeting === 'string' && Array.isArray(roots)) {
      return says(`${greeting} ${name}, ${roots.length} root(s) visible`);
    }
    return needs({ user_name: ask('What is your name?', 'name'), greeting: sample('Generate a greeting'),
      client_roots: inputRequired.listRoots() }, { tool: 'multiple_inputs' });
  });
  tell('test_input_required_result_multi_round', (asked, got) => {
    const state = asked.requestState();
    const round = state?.tool === 'multi_round' ? state.round : 0;
    if (round === 0) {
      return needs({ step1: ask('Step 1: What is your name?', 'name') }, { tool: 'multi_round', round: 1 });
    }
    if (round === 1) {
      const name = acceptedContent(got, 'step1')?.name ?? 'unknown';
      return needs({ step2: ask('Step 2: What is your favorite color?', 'color') }, { tool: 'multi_round', round: 2, name });
    }
    return says(`Multi-round complete: ${state.name} likes ${acceptedContent(got, 'step2')?.color ?? 'unknown'}`);
  });
  tell('test_input_required_result_tampered_state', (asked, got) =>
    asked.requestState() !== undefined && acceptedContent(got, 'confirm') !== undefined
      ? says('integrity-ok: requestState verified')
      : needs({ confirm: ask('Please confirm', 'ok', 'boolean') }, { tool: 'tampered_state' }));
  tell('test_input_required_result_capabilities', (asked, got) => {
    if (got !== undefined) return says('Capability-aware input requests fulfilled');
    const declared = asked.envelope?.[sdk.CLIENT_CAPABILITIES_META_KEY] ?? {};
    const requests = {
      ...(declared.elicitation && { user_name: ask('What is your name?', 'name') }),
      ...(declared.sampling && { greeting: sample('Generate a short greeting') }),
      ...(declared.roots && { client_roots: inputRequired.listRoots() }),
    };
    return Object.keys(requests).length === 0 ? says('No declared capability') : needs(requests);
  });
}
