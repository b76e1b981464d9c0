// Open WebUI's pages load this file first (/static/loader.js; empty in its image). It does two things that only a page can:
//
// 1. When Gatepost refuses a request because the session has ended, the request waits, a bar asks for a new sign-in in
//    another tab, and then the same person's request is sent again. Nothing that was written is lost.
// 2. While the page is visible and used, it sends a request every four minutes, so that the session does not reach its
//    idle timeout while somebody reads or writes a long text.

(() => {
  'use strict';

  const PROBE = '/static/loader.js'; // goes through Gatepost and costs the application almost nothing
  const SIGNED_IN = 'gatepost-signed-in'; // marks the tab in which the sign-in ends
  const LOOK_EVERY = 5_000; // ms, while the bar is shown
  const ASK_EVERY = 240_000; // ms, while the page is used; below any sensible GATEPOST_SESSION__IDLE_TIMEOUT

  const send = window.fetch.bind(window);
  const probe = () => send(PROBE, { method: 'HEAD', cache: 'no-store' });

  // 1. Requests that wait for a sign-in.

  let signIn = null; // { done: promise, look: function } while the bar is shown

  async function fetchOrWait(input, init) {
    // A body that is a stream can be read only once: a copy is sent, and the original is kept for the next attempt.
    const asked = input instanceof Request ? input : null;
    const response = await send(asked?.clone() ?? input, init);
    const link = await findSignIn(response);
    if (!link || init?.body instanceof ReadableStream) return response;
    const person = await Promise.race([askToSignIn(link), abortOf(init?.signal ?? asked?.signal)]);
    const headers = new Headers(init?.headers ?? asked?.headers);
    const token = headers.get('authorization')?.replace(/^Bearer /, '');
    if (token && person.id !== findId(token)) {
      // Somebody else signed in: they must not see or send the last person's text on this page.
      sessionStorage.clear();
      location.reload();
      return response;
    }
    if (token) headers.set('authorization', `Bearer ${person.token}`);
    return fetchOrWait(input, { ...init, headers });
  }

  window.fetch = fetchOrWait;

  // The address of the sign-in, if the answer is Gatepost's refusal on this host and not the application's answer.
  async function findSignIn(response) {
    if (response.status !== 401 || !response.headers.get('content-type')?.startsWith('application/json')) return null;
    const body = await response.clone().json().catch(() => null);
    if (body?.error !== 'sign_in_required' || !URL.canParse(body.login_url)) return null;
    const link = new URL(body.login_url);
    if (link.origin !== location.origin || link.pathname !== '/.gatepost/start') return null;
    link.searchParams.set('uri', `/?${SIGNED_IN}`);
    return link;
  }

  function askToSignIn(link) {
    if (signIn) return signIn.done;
    const bar = showBar(link);
    signIn = {};
    signIn.done = new Promise((resolve) => {
      signIn.look = async () => {
        if (document.hidden || !(await probe().catch(() => null))?.ok) return;
        const person = await findPerson().catch(() => null);
        if (!person || !signIn) return;
        signIn = null;
        clearInterval(timer);
        if (person.id === findId(localStorage.token ?? '')) localStorage.token = person.token;
        bar.remove();
        reloadPictures();
        resolve(person);
      };
    });
    const timer = setInterval(signIn.look, LOOK_EVERY);
    return signIn.done;
  }

  // Loads pictures again that were refused meanwhile.
  function reloadPictures() {
    for (const picture of document.images) if (picture.complete && !picture.naturalWidth) picture.src = picture.src;
  }

  function abortOf(signal) {
    return new Promise((_, reject) => signal?.addEventListener('abort', () => reject(signal.reason), { once: true }));
  }

  // Open WebUI's own sign-in, by the headers from Gatepost: returns the person of the session, with a new token.
  async function findPerson() {
    const credentials = JSON.stringify({ email: '', password: '' });
    const headers = { 'content-type': 'application/json' };
    const answer = await send('/api/v1/auths/signin', { method: 'POST', headers, body: credentials });
    return answer.ok ? answer.json() : null;
  }

  // The person's id in a token of Open WebUI (a JSON Web Token), which is not verified here.
  function findId(token) {
    try {
      return JSON.parse(atob(token.split('.')[1].replaceAll('-', '+').replaceAll('_', '/'))).id;
    } catch {
      return null;
    }
  }

  function showBar(link) {
    const bar = document.createElement('div');
    bar.id = 'gatepost-signed-out';
    bar.setAttribute('role', 'alert');
    const words = document.createElement('span');
    words.textContent = 'Your session has ended. What you have written stays here.';
    const button = document.createElement('a');
    Object.assign(button, { href: link.href, target: '_blank', rel: 'noopener', textContent: 'Sign in again' });
    const style = document.createElement('style');
    style.textContent = STYLE;
    bar.append(style, words, button);
    document.body.prepend(bar);
    return bar;
  }

  const STYLE = `
    #gatepost-signed-out {
      position: fixed; z-index: 2147483647; top: max(0.75rem, env(safe-area-inset-top)); left: 50%;
      transform: translateX(-50%); box-sizing: border-box; width: max-content; max-width: calc(100vw - 1.5rem);
      display: flex; flex-wrap: wrap; align-items: center; justify-content: center; gap: 0.5rem 1rem;
      padding: 0.75rem 1rem; border: 1px solid #d4a72c; border-radius: 0.75rem; text-align: center;
      background: #fff8e1; color: #3b2f00; font: 500 0.875rem/1.4 system-ui, sans-serif;
      box-shadow: 0 4px 16px rgb(0 0 0 / 0.2);
    }
    #gatepost-signed-out a {
      padding: 0.375rem 0.875rem; border-radius: 0.5rem; background: #3b2f00; color: #fff; text-decoration: none;
    }
    #gatepost-signed-out a:focus-visible { outline: 2px solid #1a56db; outline-offset: 2px; }
    .dark #gatepost-signed-out { background: #2b2410; color: #ffecb3; border-color: #8a6d1a; }
    .dark #gatepost-signed-out a { background: #ffecb3; color: #2b2410; }
    .dark #gatepost-signed-out a:focus-visible { outline-color: #93b4ff; }
  `;

  document.addEventListener('visibilitychange', () => signIn?.look());
  window.addEventListener('focus', () => signIn?.look());

  // Closes the tab of the sign-in. If the browser does not allow this, the tab shows the application.
  if (new URLSearchParams(location.search).has(SIGNED_IN)) {
    history.replaceState(history.state, '', '/');
    window.close();
  }

  // 2. A page in use keeps its session.

  let used = false;
  const use = () => { used = true; };
  for (const event of ['pointerdown', 'keydown', 'wheel']) {
    window.addEventListener(event, use, { capture: true, passive: true });
  }
  setInterval(() => {
    if (!used || document.hidden || signIn) return;
    used = false;
    probe().catch(() => {});
  }, ASK_EVERY);
})();
