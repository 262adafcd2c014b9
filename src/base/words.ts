/** The words of a text: a long list of names is easier to read as one. */
export const words = (text: string): string[] => text.split(/\s+/).filter((word) => word !== '');
