/** Light, dark, or as the system says. Kept by this browser; where it may not keep anything, until the page is left. */
const THEMES = ['automatic', 'light', 'dark'] as const;
const KEY = 'nexus-console-theme';

type Theme = (typeof THEMES)[number];

let theme: Theme = 'automatic';

export function startTheme(button: HTMLButtonElement): void {
  const kept = attempt(() => localStorage.getItem(KEY));
  if (THEMES.includes(kept as Theme)) theme = kept as Theme;
  apply(button);
  button.addEventListener('click', () => {
    theme = THEMES[(THEMES.indexOf(theme) + 1) % THEMES.length] as Theme;
    attempt(() => localStorage.setItem(KEY, theme));
    apply(button);
  });
}

function apply(button: HTMLButtonElement): void {
  document.documentElement.dataset['theme'] = theme;
  button.textContent = `Theme: ${theme === 'automatic' ? 'auto' : theme}`;
}

function attempt<T>(act: () => T): T | undefined {
  try {
    return act();
  } catch {
    return undefined;
  }
}
