// What this browser remembers of a reader's taste (language, theme, zone). Without storage it lasts as long as the page.
const memory = new Map();

export function recall(name) {
  try {
    return localStorage.getItem(`clickledger.${name}`) ?? memory.get(name) ?? null;
  } catch {
    return memory.get(name) ?? null;
  }
}

export function keep(name, value) {
  memory.set(name, value);
  try {
    localStorage.setItem(`clickledger.${name}`, value);
  } catch {
    // Private windows may refuse; the memory above answers.
  }
}
