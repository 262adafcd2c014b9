/** The few styles the commands use; plain text where no colours are wanted. */
export interface Colours {
  red(text: string): string;
  yellow(text: string): string;
  green(text: string): string;
  cyan(text: string): string;
  bold(text: string): string;
  dim(text: string): string;
}

export function createColours(enabled: boolean): Colours {
  const style =
    (code: number, reset: number) =>
    (text: string): string =>
      enabled ? `\u001b[${code}m${text}\u001b[${reset}m` : text;
  return {
    red: style(31, 39),
    yellow: style(33, 39),
    green: style(32, 39),
    cyan: style(36, 39),
    bold: style(1, 22),
    dim: style(2, 22),
  };
}
